//! Who gets the token.

use std::sync::{Arc, Mutex};

use adobe_ims::ErrorKind;
use adobe_ims::middleware::Bearer;
use adobe_ims::testing::ScriptedTokens;
use tracing_subscriber::fmt::MakeWriter;

use crate::api::Api;
use crate::skins::{BOTH, Skin};
use crate::{three_tokens, token};

#[tokio::test]
async fn a_host_that_is_not_listed_gets_nothing() {
    for skin in BOTH {
        // An empty script: whoever asks for a token fails.
        let (api, tokens) = (Api::with_statuses([401]).await, Arc::new(ScriptedTokens::new()));
        let hosts = ["author.example.com", "*.adobe.io", "127.0.0.1:1"];
        let bearer = Bearer::builder(tokens, hosts).api_key("client").org_id("org").build().unwrap();

        let status = skin.get(&bearer, &api.url("/")).await.unwrap();

        assert_eq!(status, 401, "{skin:?}");
        let seen = api.seen();
        assert_eq!(seen.len(), 1, "{skin:?}");
        for name in ["authorization", "x-api-key", "x-gw-ims-org-id"] {
            assert_eq!(seen[0].header(name), "", "{skin:?}");
        }
    }
}

#[tokio::test]
async fn a_listed_host_gets_the_token_on_the_listed_port() {
    for skin in BOTH {
        let (api, other, tokens) = (Api::healthy().await, Api::healthy().await, three_tokens());
        let host = api.url("").trim_start_matches("http://").to_owned();
        let bearer = Bearer::new(tokens, [host]).unwrap();

        skin.get(&bearer, &api.url("/")).await.unwrap();
        skin.get(&bearer, &other.url("/")).await.unwrap();

        assert_eq!(api.tokens(), ["Bearer first"], "{skin:?}");
        assert_eq!(other.tokens(), [""], "{skin:?}");
    }
}

/// Without TLS, on any machine but this one, everybody on the way could read it.
#[tokio::test]
async fn plain_http_gets_nothing_beyond_loopback() {
    // Seen by a middleware behind this one, since nothing is sent to a real host.
    for (url, expected) in [("http://platform.adobe.io/", false), ("https://platform.adobe.io/", true)] {
        let bearer = Bearer::new(token("first"), ["*.adobe.io"]).unwrap();
        assert_eq!(crate::tower_services::carries_a_token(&bearer, url).await, expected, "{url}");
    }
}

/// A host missing in the list shows as a 401 of the API otherwise.
#[tokio::test]
async fn an_event_says_why_a_request_gets_no_token() {
    let bearer = Bearer::new(token("SECRET"), ["*.adobe.io", "127.0.0.1"]).unwrap();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(log.clone()).finish();
    let _guard = crate::listening::listen(subscriber);

    for (url, reason) in [
        ("https://author.example.com/", "the host is not listed"),
        ("http://platform.adobe.io/", "the request is not encrypted"),
        ("/", "the request names no host"),
        ("https://platform.adobe.io/", ""),
    ] {
        crate::tower_services::carries_a_token(&bearer, url).await;
        let text = log.take();
        assert!(text.contains(reason), "{url}: {text}");
        assert_eq!(text.is_empty(), reason.is_empty(), "{url}: {text}");
    }
    let api = Api::with_statuses([401]).await;
    Skin::Tower.get(&bearer, &api.url("/")).await.unwrap();
    let text = log.take();
    assert!(text.contains("the API refused the token"), "{text}");
    assert!(!text.contains("SECRET"), "{text}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn hosts_are_mandatory_and_checked_at_construction() {
    let lists: [&[&str]; 6] =
        [&[], &["*"], &["*.io"], &["https://author.example.com"], &["author.example.com/"], &["author example"]];
    for hosts in lists {
        let error = Bearer::new(token("first"), hosts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{hosts:?}");
        assert!(error.hint().unwrap().contains("without https:// and without a path"), "{error:?}");
    }
}

#[test]
fn a_text_that_no_header_carries_is_refused_at_construction() {
    let builder = || Bearer::builder(token("first"), ["*.adobe.io"]);
    for (builder, name) in [
        (builder().api_key("client\n"), "api_key"),
        (builder().api_key(""), "api_key"),
        (builder().org_id("org\r\nx: y"), "org_id"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(name), "{error}");
    }
    builder().api_key("client").org_id(None).build().unwrap();
}

#[test]
fn debug_shows_the_hosts_and_no_token() {
    let builder = Bearer::builder(token("SECRET"), ["*.adobe.io"]);
    for shown in [format!("{builder:?}"), format!("{:?}", builder.build().unwrap())] {
        assert!(shown.contains("adobe.io"), "{shown}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
