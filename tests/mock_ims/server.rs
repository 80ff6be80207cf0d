//! Paths, ports, settings and the clock.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use adobe_ims::testing::{MockAnswer, MockEndpoint, MockIms, MockImsBuilder, MockRequest, ScriptedError};

use crate::support::*;

#[tokio::test]
async fn each_endpoint_has_its_paths_and_takes_only_posts() {
    let (ims, _) = mock().await;
    let jwt = JwtRequest::of(&ims);
    let token = jwt.send(&ims).await.token().to_owned();
    let oauth = FormRequest::client_credentials(&ims);
    let validate = [("type", "access_token"), ("client_id", CLIENT_ID), ("token", &*token)];
    let invalidate = [("token_type", "access_token"), ("client_id", CLIENT_ID), ("token", &*token)];
    let endpoints = [
        (jwt.signed(), vec!["/ims/exchange/jwt", "/ims/exchange/jwt/", "/ims/exchange/v1/jwt"]),
        (oauth, vec!["/ims/token/v2", "/ims/token/v2/", "/ims/token/v3", "/ims/token/v3/", "/ims/token/v4"]),
        (FormRequest::new("", &validate), vec!["/ims/validate_token/v1"]),
        (FormRequest::new("", &invalidate), vec!["/ims/invalidate_token/v2"]),
    ];
    for (form, paths) in endpoints {
        for path in paths {
            let answer = FormRequest { path: path.to_owned(), ..form.clone() }.send(&ims).await;
            assert_eq!(answer.status, 200, "{path} {}", answer.body);
            assert!(!answer.header("x-debug-id").is_empty(), "{path}");
            let get = http_client().get(format!("{}{path}", ims.endpoint())).send().await.unwrap();
            assert_eq!(
                (get.status().as_u16(), &get.headers()["allow"]),
                (405, &http::HeaderValue::from_static("POST"))
            );
        }
    }
    for path in ["/", "/ims/exchange", "/ims/token", "/ims/token/v1", "/ims/token/v5", "/ims/revoke"] {
        let answer = FormRequest::new(path, &[]).send(&ims).await;
        assert_eq!((answer.status, answer.header("x-debug-id").is_empty()), (404, false), "{path}");
    }
    assert_eq!(ims.request_count(), 1 + 3 + 5);
}

#[tokio::test]
async fn the_date_header_follows_the_clock() {
    let (ims, clock) = mock().await;
    for (now, date) in [
        (NOW, "Mon, 21 Sep 2026 14:13:20 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        clock.set(now);
        let answer = JwtRequest::of(&ims).send(&ims).await;
        let dates: Vec<_> = answer.headers.get_all("date").iter().collect();
        assert_eq!(dates, [date]);
    }
    ims.answer_next(MockAnswer::status(503).header("date", "Thu, 01 Jan 1970 00:00:09 GMT"));
    let answer = JwtRequest::of(&ims).send(&ims).await;
    assert_eq!(answer.header("date"), "Thu, 01 Jan 1970 00:00:09 GMT");
}

#[tokio::test]
async fn it_listens_on_the_port_given_until_it_is_dropped() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ims = builder().0.port(free).start().await.unwrap();
    assert_eq!(ims.endpoint(), format!("http://127.0.0.1:{free}"));
    assert_eq!(JwtRequest::of(&ims).send(&ims).await.status, 200);

    let taken = builder().0.port(free).start().await.unwrap_err();
    assert!(taken.to_string().contains(&free.to_string()), "{taken}");

    drop(ims);
    while std::net::TcpStream::connect(("127.0.0.1", free)).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn settings_that_no_credential_has_are_refused() {
    for builder in [
        builder().0.ims_host(""),
        builder().0.ims_host("https://ims-na1.adobelogin.com"),
        builder().0.client_id(""),
        builder().0.client_id("a b"),
        builder().0.org_id(""),
        builder().0.org_id("@AdobeOrg"),
        builder().0.org_id("1111222233334444AAAA5555"),
        builder().0.oauth_client_id("a b"),
        builder().0.oauth_client_id(CLIENT_ID),
        builder().0.oauth_org_id("acme"),
        builder().0.oauth_scopes(Vec::<String>::new()),
        builder().0.oauth_scopes(["openid,AdobeID"]),
        builder().0.metascopes(Vec::<String>::new()),
        builder().0.metascopes(["a,b"]),
        builder().0.metascopes(["https://ims-na1.adobelogin.com/s/ent_aem_cloud_api"]),
    ] {
        let printed = format!("{builder:?}");
        assert!(builder.start().await.is_err(), "{printed}");
    }
}

/// A task that has awaited a hundred ready futures may drop a mock: it has no budget left then.
#[test]
fn a_mock_can_be_dropped_at_any_time() {
    let (dropped, outcome) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mock = MockIms::start().await.unwrap();
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::coop::consume_budget().await;
            }
            drop(mock);
            dropped.send(()).unwrap();
        });
    });
    assert_eq!(outcome.recv_timeout(Duration::from_secs(20)), Ok(()));
}

#[test]
fn everything_may_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    fn check_future(_: impl Future + Send + 'static) {}
    check::<MockIms>();
    check::<MockImsBuilder>();
    check::<MockAnswer>();
    check::<MockRequest>();
    check::<MockEndpoint>();
    check::<ScriptedError>();
    check_future(MockIms::start());
}
