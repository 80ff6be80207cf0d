//! Tokens and failures by script, for tests that need no HTTP.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::ScriptedError;
use crate::error::{Error, ErrorKind};
use crate::source::{TokenFuture, TokenSource};
use crate::token::Token;

/// A [`TokenSource`] that follows a script: for testing what an application does with tokens and
/// failures, such as its handling of a 401. It needs neither HTTP nor a runtime.
///
/// A token is handed out until it expires or is forgotten, by [identity](TokenSource::forget) and
/// not by its text. After the end of the script every call fails with [`ErrorKind::Server`].
///
/// ```
/// use std::time::Duration;
/// use adobe_ims::testing::ScriptedTokens;
/// use adobe_ims::{ErrorKind, Token, TokenSource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), adobe_ims::Error> {
/// let tokens = ScriptedTokens::new();
/// tokens.then_token(Token::for_tests("first", Duration::from_secs(3600))?);
/// tokens.then_failure(ErrorKind::Throttled);
/// tokens.then_token(Token::for_tests("second", Duration::from_secs(3600))?);
///
/// let first = tokens.token().await?; // handed out until it is forgotten
/// assert_eq!(tokens.token().await?.expose_secret(), "first");
/// tokens.forget(&first);
/// assert!(tokens.token().await.unwrap_err().is_transient());
/// assert_eq!(tokens.token().await?.expose_secret(), "second");
/// assert_eq!(tokens.forgotten(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct ScriptedTokens(Mutex<Script>);

#[derive(Default)]
struct Script {
    current: Option<Token>,
    next: VecDeque<Result<Token, Error>>,
    forgotten: usize,
}

impl ScriptedTokens {
    /// An empty script: fails as IMS does when it is down.
    pub fn new() -> Self {
        Self::default()
    }

    /// Then this token, until it expires or is forgotten.
    pub fn then_token(&self, token: Token) {
        self.script().next.push_back(Ok(token));
    }

    /// Then one failure of this kind, without a response.
    pub fn then_failure(&self, kind: ErrorKind) {
        self.then_error(ScriptedError::new(kind));
    }

    /// Then one failure with what IMS said, such as [`Error::retry_after`]: a [`ScriptedError`], or
    /// an [`Error`] that a test already has.
    pub fn then_error(&self, error: impl Into<Error>) {
        self.script().next.push_back(Err(error.into()));
    }

    /// How often a current token was forgotten.
    #[must_use]
    pub fn forgotten(&self) -> usize {
        self.script().forgotten
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenSource for ScriptedTokens {
    fn token(&self) -> TokenFuture<'_> {
        // Not before it is polled: a future that is dropped takes no step of the script.
        Box::pin(async {
            let mut script = self.script();
            script.current = script.current.take().filter(|token| !token.is_expired());
            match &script.current {
                Some(token) => Ok(token.clone()),
                None => match script.next.pop_front() {
                    Some(Ok(token)) => Ok(script.current.insert(token).clone()),
                    Some(Err(error)) => Err(error),
                    None => Err(ScriptedError::new(ErrorKind::Server).into()),
                },
            }
        })
    }

    fn forget(&self, token: &Token) {
        let mut script = self.script();
        if script.current.as_ref().is_some_and(|current| current.is(token)) {
            script.current = None;
            script.forgotten = script.forgotten.saturating_add(1);
        }
    }
}

impl fmt::Debug for ScriptedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.script();
        f.debug_struct("ScriptedTokens")
            .field("current", &script.current)
            .field("left", &script.next.len())
            .field("forgotten", &script.forgotten)
            .finish()
    }
}
