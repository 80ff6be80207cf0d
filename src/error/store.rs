//! A token store that cannot be built. What fails later is a warning: tokens are requested without
//! it.

use std::borrow::Cow;

#[derive(Debug, thiserror::Error)]
#[error("{store} cannot be used: {problem}")]
pub(crate) struct StoreSetupError {
    pub(crate) store: &'static str,
    pub(crate) problem: &'static str,
    pub(crate) hint: &'static str,
}

impl StoreSetupError {
    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(self.hint))
    }
}
