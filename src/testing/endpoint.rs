//! The endpoints of IMS that the mock serves, and their paths.

/// An endpoint of [`MockIms`](super::MockIms).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MockEndpoint {
    /// The JWT exchange: `/ims/exchange/jwt` and `/ims/exchange/v1/jwt`.
    JwtExchange,
    /// The token endpoint of the client credentials grant: `/ims/token/v2`, `v3` and `v4`.
    Token,
    /// `/ims/validate_token/v1`.
    ValidateToken,
    /// `/ims/invalidate_token/v2`.
    InvalidateToken,
}

impl MockEndpoint {
    /// Some clients end the path of a token endpoint in a slash.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/ims/exchange/jwt" | "/ims/exchange/jwt/" | "/ims/exchange/v1/jwt" => Some(Self::JwtExchange),
            "/ims/token/v2" | "/ims/token/v2/" | "/ims/token/v3" | "/ims/token/v3/" | "/ims/token/v4"
            | "/ims/token/v4/" => Some(Self::Token),
            "/ims/validate_token/v1" => Some(Self::ValidateToken),
            "/ims/invalidate_token/v2" => Some(Self::InvalidateToken),
            _ => None,
        }
    }

    /// Whether it gives out tokens.
    pub(super) fn issues_tokens(self) -> bool {
        matches!(self, Self::JwtExchange | Self::Token)
    }
}
