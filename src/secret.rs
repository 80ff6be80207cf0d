//! Text that cannot be printed and is wiped on drop. Copies in the TLS, HTTP and JSON layers are
//! not wiped.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text: clones share it, the last one wipes it, nothing prints it.
///
/// There is deliberately no `Display`, no `Serialize` and no `PartialEq`.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// The text itself. The name is what a reviewer searches for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    /// Takes the buffer as it is, so that no second copy is left behind.
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    /// S10
    #[test]
    fn clones_share_one_text() {
        let secret = Secret::from("marker".to_owned());
        assert!(std::ptr::eq(secret.expose(), secret.clone().expose()));
    }

    /// S1
    #[test]
    fn debug_shows_nothing_of_the_text() {
        let secret = Secret::from("marker".to_owned());
        assert_eq!(format!("{secret:?} {secret:#?}"), "[redacted] [redacted]");
    }
}
