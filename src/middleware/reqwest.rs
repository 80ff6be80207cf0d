//! The middleware for clients of the crate reqwest-middleware.

use http::Extensions;
use reqwest::{Request, Response, Url};
use reqwest_middleware::{Error, Middleware, Next};

use super::bearer::Bearer;
use super::hosts::Target;

/// Retries unless the body is a stream. Without a token the error is
/// `reqwest_middleware::Error::Middleware`, which holds our [`Error`](crate::Error):
///
/// ```
/// use reqwest_middleware::Error;
///
/// fn no_token(error: &Error) -> Option<&adobe_ims::Error> {
///     match error {
///         Error::Middleware(error) => error.downcast_ref(),
///         Error::Reqwest(_) => None,
///     }
/// }
/// ```
#[async_trait::async_trait]
impl Middleware for Bearer {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        if !self.applies_to(target(request.url()), request.headers()) {
            return next.run(request, extensions).await;
        }
        let token = self.token().await.map_err(Error::middleware)?;
        // Before the headers are set: the retry sets its own.
        let repeated = request.try_clone();
        let origin = request.url().origin();
        self.set(request.headers_mut(), &token);
        let response = next.clone().run(request, extensions).await?;
        // reqwest may have followed a redirect, and another origin never saw the token.
        if response.url().origin() != origin || !self.is_refused(response.status(), &token) {
            return Ok(response);
        }
        let Some(mut request) = repeated else { return Ok(response) };
        let Some(token) = self.another(&token).await.map_err(Error::middleware)? else { return Ok(response) };
        drop(response);
        self.set(request.headers_mut(), &token);
        next.run(request, extensions).await
    }
}

fn target(url: &Url) -> Option<Target<'_>> {
    Some(Target { scheme: url.scheme(), host: url.host_str()?, port: url.port_or_known_default() })
}
