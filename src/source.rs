//! Where an application gets its tokens from: the client, a given token, or a test's script.

use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, UsageError};
use crate::token::Token;

/// The future of [`TokenSource::token`]: what an `async fn` would return, but with a name.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, Error>> + Send + 'a>>;

/// A source of access tokens, for code that does not depend on where they come from, and for its
/// tests. Object-safe: `Arc<dyn TokenSource>`.
///
/// [`ImsClient`](crate::ImsClient) is one, a [`Token`] is one (for command-line tools that are
/// given a token), and the feature `testing` has one that follows a script.
///
/// ```
/// use adobe_ims::{Error, TokenSource};
///
/// /// Calls an API; after a 401, retries once with another token.
/// async fn call(tokens: &dyn TokenSource, api: impl AsyncFn(&str) -> u16) -> Result<u16, Error> {
///     let token = tokens.token().await?;
///     let status = api(token.expose_secret()).await;
///     if status != 401 {
///         return Ok(status);
///     }
///     tokens.forget(&token);
///     Ok(api(tokens.token().await?.expose_secret()).await)
/// }
/// ```
///
/// To implement it, box the future, and pass `forget` on:
///
/// ```
/// use adobe_ims::{ImsClient, Token, TokenFuture, TokenSource};
///
/// struct Counted {
///     ims: ImsClient,
///     calls: std::sync::atomic::AtomicU64,
/// }
///
/// impl TokenSource for Counted {
///     fn token(&self) -> TokenFuture<'_> {
///         Box::pin(async move {
///             self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///             self.ims.token().await
///         })
///     }
///
///     fn forget(&self, token: &Token) {
///         self.ims.forget(token);
///     }
/// }
/// ```
pub trait TokenSource: Send + Sync {
    /// Returns a valid token.
    ///
    /// # Errors
    ///
    /// Those of the source: for a client, those of [`ImsClient::token`](crate::ImsClient::token).
    fn token(&self) -> TokenFuture<'_>;

    /// Reports that an API refused this token, so that the next call returns another one. Does
    /// nothing by default, so a wrapper around another source must pass it on.
    fn forget(&self, token: &Token) {
        let _ = token;
    }
}

/// Returns itself until it expires, forgotten or not; then an error of the kind
/// [`Expired`](crate::ErrorKind::Expired).
impl TokenSource for Token {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            match self.is_expired() {
                false => Ok(self.clone()),
                true => Err(UsageError::TokenExpired.into()),
            }
        })
    }
}

impl<T: TokenSource + ?Sized> TokenSource for &T {
    fn token(&self) -> TokenFuture<'_> {
        (**self).token()
    }

    fn forget(&self, token: &Token) {
        (**self).forget(token);
    }
}

impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    fn token(&self) -> TokenFuture<'_> {
        (**self).token()
    }

    fn forget(&self, token: &Token) {
        (**self).forget(token);
    }
}

impl<T: TokenSource + ?Sized> TokenSource for Box<T> {
    fn token(&self) -> TokenFuture<'_> {
        (**self).token()
    }

    fn forget(&self, token: &Token) {
        (**self).forget(token);
    }
}
