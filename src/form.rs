//! The form that a request carries, in memory that is wiped.

use bytes::Bytes;
use form_urlencoded::Serializer;
use zeroize::Zeroizing;

/// Encodes `application/x-www-form-urlencoded` into a buffer that is wiped when HTTP lets go of it.
pub(crate) fn encode(fields: &[(&str, &str)]) -> Bytes {
    // A byte takes at most three: a buffer that never grows leaves no copy behind.
    let size = fields.iter().fold(0_usize, |size, (name, value)| {
        size.saturating_add(name.len()).saturating_add(value.len().saturating_mul(3)).saturating_add(2)
    });
    let mut form = Zeroizing::new(String::with_capacity(size));
    Serializer::new(&mut *form).extend_pairs(fields);
    Bytes::from_owner(form)
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn a_form_is_encoded() {
        let form = encode(&[("a", "p8e-_.*"), ("b", "x y&=+%é"), ("c", "")]);
        assert_eq!(form, "a=p8e-_.*&b=x+y%26%3D%2B%25%C3%A9&c=");
    }
}
