//! Texts without a meaning: client secrets, ids. Not from a source fit for real secrets, since
//! nothing here is one.

/// Letters and digits.
pub(super) fn random_text(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}

/// An id as IMS tracks requests by.
pub(super) fn debug_id() -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..0x1_0000_0000_0000),
    )
}
