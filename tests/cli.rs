//! The program `adobe-ims`, run as a process: what it writes where, and with which code it ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_adobe-ims");
const TOKEN: &str = "eyJhbGciOiJub25lIn0.VE9LRU4tTUFSS0VS.bWFya2Vy";

/// The token and nothing else is on standard output, after one exchange.
#[tokio::test(flavor = "multi_thread")]
async fn the_bare_token_is_on_standard_output() {
    let ims = Ims::start().await;
    ims.mock.answer_next(MockAnswer::grant().access_token(TOKEN));
    ims.run(["token"]).ends(0, &format!("{TOKEN}\n"), "");
    assert_eq!(ims.mock.request_count(), 1);
}

/// A header as `curl -H` takes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_can_be_printed_as_a_header() {
    let ims = Ims::start().await;
    ims.mock.answer_next(MockAnswer::grant().access_token(TOKEN));
    ims.run(["token", "--header"]).ends(0, &format!("Authorization: Bearer {TOKEN}\n"), "");
}

/// JSON says until when the token is valid, for people and for programs.
#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_end_of_the_token_as_a_date_and_as_a_number() {
    let ims = Ims::start().await;
    ims.mock.answer_next(MockAnswer::grant().access_token(TOKEN));
    let run = ims.run(["token", "--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&json["access_token"], &json["token_type"]), (&TOKEN.into(), &"Bearer".into()));
    let epoch = json["expires_at_epoch"].as_u64().unwrap();
    let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(epoch);
    // RFC 7231 writes the same date in other words.
    let date = httpdate::fmt_http_date(expires_at);
    let (day, year, time) = (&date[5..7], &date[12..16], &date[17..25]);
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|name| *name == &date[8..11])
        .unwrap()
        + 1;
    assert_eq!(json["expires_at"], format!("{year}-{month:02}-{day}T{time}Z"));
    let left = epoch.abs_diff(since_epoch());
    assert!((86_000..=86_400).contains(&left), "{left}");
}

/// The token reaches an API by curl, as an argument and by a pipe that no list of processes shows.
#[tokio::test(flavor = "multi_thread")]
async fn curl_takes_the_header() {
    for command in [
        r#"curl -sS -H "$("$PROGRAM" token --header --file "$FILE" --endpoint "$IMS")" "$API""#,
        r#""$PROGRAM" token --header --file "$FILE" --endpoint "$IMS" | curl -sS -H @- "$API""#,
    ] {
        let ims = Ims::start().await;
        ims.mock.answer_next(MockAnswer::grant().access_token(TOKEN));
        let (api, received) = api();
        let output = clean("sh")
            .args(["-c", command])
            .envs([("PROGRAM", PROGRAM), ("FILE", &ims.file), ("IMS", ims.mock.endpoint()), ("API", &api)])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "from the API", "{output:?}");
        assert_eq!(received.join().unwrap(), format!("Bearer {TOKEN}"), "{command}");
    }
}

/// Of several credentials, one is selected; without a choice the names are listed.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_credentials_is_selected() {
    let ims = Ims::start().await;
    let file = ims.write("project.json", &two_credentials(&ims.mock));
    let run = run(["token", "--file", &file, "--endpoint", ims.mock.endpoint()]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("S2S credential") && run.stderr.contains("Another"), "{}", run.stderr);
    ims.mock.answer_next(MockAnswer::grant().access_token(TOKEN));
    let select = ["token", "--file", &file, "--endpoint", ims.mock.endpoint(), "--select", "S2S credential"];
    self::run(select).ends(0, &format!("{TOKEN}\n"), "");
    assert_eq!(ims.mock.request_count(), 1);
}

/// Without `--file`, the environment is read.
#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_read_without_a_file() {
    let ims = Ims::start().await;
    ims.mock.answer_always(MockAnswer::grant().access_token(TOKEN));
    let oauth: Value = serde_json::from_str(&ims.mock.oauth_credentials_json()).unwrap();
    let text = |name: &str| oauth[name].as_str().unwrap().to_owned();
    let secret = oauth["CLIENT_SECRETS"][0].as_str().unwrap().to_owned();
    let own = vec![("ADOBE_IMS_CREDENTIALS", ims.file.clone())];
    let family = vec![
        ("IMS_OAUTH_S2S_CLIENT_ID", text("CLIENT_ID")),
        ("IMS_OAUTH_S2S_CLIENT_SECRET", secret),
        ("IMS_OAUTH_S2S_ORG_ID", text("ORG_ID")),
        ("IMS_OAUTH_S2S_SCOPES", oauth["SCOPES"].to_string()),
    ];
    for variables in [own, family] {
        for arguments in [&["token"][..], &["token", "--env"]] {
            let mut command = clean(PROGRAM);
            command.args(arguments).args(["--endpoint", ims.mock.endpoint()]).envs(variables.clone());
            Run::of(command.output().unwrap()).ends(0, &format!("{TOKEN}\n"), "");
        }
    }
}

/// What the environment holds, and by which variables.
#[tokio::test(flavor = "multi_thread")]
async fn which_says_what_the_environment_holds() {
    let ims = Ims::start().await;
    let which = |variables: &[(&str, &str)]| {
        let run = Run::of(clean(PROGRAM).arg("which").envs(variables.iter().copied()).output().unwrap());
        assert_eq!(run.stderr, "");
        // Up to the fields, without hints.
        let lines = run.stdout.lines().take_while(|line| !line.starts_with("ok       fields"));
        (run.code, lines.filter(|line| !line.starts_with(' ')).collect::<Vec<_>>().join("\n"))
    };
    let file = format!(
        "ok       source       ADOBE_IMS_CREDENTIALS: {}\nok       kind         the service credentials of AEM's Developer \
         Console",
        ims.file
    );
    assert_eq!(which(&[("ADOBE_IMS_CREDENTIALS", &ims.file)]), (0, file));
    let family = [
        ("IMS_OAUTH_S2S_CLIENT_ID", "0123456789abcdef0123456789abcdef"),
        ("IMS_OAUTH_S2S_CLIENT_SECRET", "p8e-0123456789"),
        ("IMS_OAUTH_S2S_ORG_ID", "1111222233334444AAAA5555@AdobeOrg"),
        ("IMS_OAUTH_S2S_SCOPES", "openid"),
    ];
    let expected = "ok       source       environment variables: IMS_OAUTH_S2S_CLIENT_ID and others\n\
                    ok       kind         OAuth Server-to-Server credentials";
    assert_eq!(which(&family), (0, expected.to_owned()));
    let expected = format!("{expected}\nfailed   fields       credentials lack IMS_OAUTH_S2S_SCOPES");
    assert_eq!(which(&family[..2]), (1, expected));
    let (code, shown) = which(&[]);
    assert_eq!(code, 1);
    assert!(shown.starts_with("failed   source       no credentials in the environment: looked for"), "{shown}");
}

/// Where there is no token, standard output stays empty, and the report says what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_reported_on_standard_error() {
    let ims = Ims::start().await;
    ims.mock.revoke_credentials();
    for arguments in [&["token"][..], &["token", "--json"], &["token", "--header"]] {
        let run = ims.run(arguments.iter().copied());
        assert_eq!((run.code, run.stdout.as_str()), (1, ""));
        let start = "adobe-ims: IMS refused the request: 400 invalid_client: invalid client_id parameter\n  hint: IMS does \
                     not know this client id";
        assert!(run.stderr.starts_with(start), "{}", run.stderr);
    }
}

/// Wrong arguments end with 2. Only short words without digits are repeated: others may be secrets.
#[test]
fn wrong_arguments_end_with_2_and_what_may_be_a_secret_is_not_repeated() {
    let secret = "s8e-MARKER-0123456789";
    let cases: [(&[&str], &str); 17] = [
        (&[], "a command is missing"),
        (&["--json"], "a command is missing"),
        (&[secret], "there is no such command"),
        (&["token", secret], "unexpected argument; give a file with --file"),
        (&["token", "token"], "unexpected argument `token`; give a file with --file"),
        (&["claims", "token"], "unexpected argument `token`"),
        (&["diagnose"], "there is no command `diagnose`"),
        (&["token", "--s8e-MARKER-0123456789"], "there is no such option"),
        (&["token", "-s8e-MARKER-0123456789"], "there is no such option"),
        (&["token", "--json=s8e-MARKER-0123456789"], "--json takes no value"),
        (&["token", "--file"], "--file needs a value"),
        (&["token", "--file", "x.json", "--env"], "give one of --file and --env"),
        (&["token", "--json", "--header"], "give one of --json and --header"),
        (&["doctor", "--header"], "this command does not take --header"),
        (&["which", "--endpoint", secret], "this command does not take --endpoint"),
        (&["claims", "--file", secret], "this command does not take --file"),
        (&["claims", "--select", secret], "this command does not take --select"),
    ];
    for (arguments, problem) in cases {
        run(arguments.iter().copied()).ends(2, "", &format!("adobe-ims: {problem}; see adobe-ims --help\n"));
    }
}

/// The doctor's exit code is the same for text and JSON, and so is what it found.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_ends_with_the_same_code_in_text_and_json() {
    let ims = Ims::start().await;
    for expected in [0, 1] {
        let (text, json) = (ims.run(["doctor"]), ims.run(["doctor", "--json"]));
        let parsed: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!((text.code, json.code, parsed["exit_code"].as_i64()), (expected, expected, Some(expected.into())));
        assert_eq!((text.stderr.as_str(), json.stderr.as_str()), ("", ""));
        let state = parsed["state"].as_str().unwrap();
        assert_eq!(text.stdout.lines().last().unwrap(), format!("result: {state}"));
        for check in parsed["checks"].as_array().unwrap() {
            let line = format!("{:<8} {:<12} ", check["state"].as_str().unwrap(), check["id"].as_str().unwrap());
            assert!(text.stdout.contains(&line), "{line} in {}", text.stdout);
        }
        ims.mock.revoke_credentials();
    }
    assert_eq!(ims.mock.request_count(), 4);
}

/// The doctor works where there is nothing to read.
#[test]
fn the_doctor_works_without_credentials() {
    let run = run(["doctor", "--file", "no/such/file.json"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.starts_with("failed   source       no/such/file.json: credentials file cannot be read\n"));
    assert!(run.stdout.ends_with("result: failed\n"), "{}", run.stdout);
}

/// What a file is, without a request.
#[tokio::test(flavor = "multi_thread")]
async fn which_says_what_a_file_is_without_using_it() {
    let ims = Ims::start().await;
    let development = ims.write("local_development_token.json", &ims.mock.development_token_json());
    let project = ims.write("project.json", &ims.mock.project_json());
    for (file, words) in [
        (&ims.file, "the service credentials of AEM's Developer Console"),
        (&development, "a local development token of AEM's Developer Console"),
        (&project, "a project download of the Adobe Developer Console"),
    ] {
        let run = run(["which", "--file", file]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
        let expected = format!("ok       source       {file}\nok       kind         {words}\nok       fields       ");
        assert!(run.stdout.starts_with(&expected), "{}", run.stdout);
        assert!(!run.stdout.contains("skipped"), "{}", run.stdout);
    }
    let broken = ims.write("broken.json", "{\"integration\": {");
    let run = run(["which", "--file", &broken]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{}", run.stdout);
    assert_eq!(ims.mock.request_count(), 0);
}

/// The claims of a token, which may come as a header; they say when it expires.
#[tokio::test(flavor = "multi_thread")]
async fn claims_of_a_token_are_printed_and_called_not_verified() {
    let clock = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000));
    let mock = MockIms::builder().clock(clock.clone()).start().await.unwrap();
    let token = mock.client_builder().clock(clock).build().unwrap().exchange().await.unwrap();
    let text = token.expose_secret();
    let expected = "client_id   cm-p11111-e22222-integration\nuser_id     AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com\n\
                    as          ims-na1\nscope       ent_aem_cloud_api\ncreated_at  2026-09-21T14:13:20Z\n\
                    expires_at  2026-09-22T14:13:20Z\n";
    for input in [text.to_owned(), format!("Bearer {text}\n"), format!("Authorization: Bearer {text}\n")] {
        with_input(["claims"], &input).ends(0, expected, "not verified: anybody can write such claims\n");
    }
    let run = with_input(["claims", "--json"], text);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["scope"], serde_json::json!(["ent_aem_cloud_api"]));
    assert_eq!(json["expires_at"], "2026-09-22T14:13:20Z");
    for input in ["", "MARKER-no-token", "a.b.c", "\u{1b}[31m"] {
        with_input(["claims"], input).ends(1, "", "adobe-ims: what is on standard input is not an access token\n");
    }
}

/// The help is on standard output and begins with what a newcomer types.
#[test]
fn the_help_shows_a_first_use() {
    let help = run(["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("\n  adobe-ims doctor --file service_token.json\n"), "{}", help.stdout);
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 120), "{}", help.stdout);
    assert_eq!(run(["token", "-h"]).stdout, help.stdout);
    run(["--version"]).ends(0, concat!("adobe-ims ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

/// S1, S2: whatever happens, standard error shows no secret, and neither does what is not the token.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown() {
    let ims = Ims::start().await;
    let oauth = ims.write("oauth.json", &ims.mock.oauth_credentials_json());
    let development = ims.write("development.json", &ims.mock.development_token_json());
    for file in [&ims.file, &oauth, &development] {
        let text = fs::read_to_string(file).unwrap();
        let (pieces, echo) = (pieces_of_secrets(&text), client_secret(&text).unwrap_or_default());
        let mut shown = String::new();
        let mut show = |run: Run| shown.extend([run.stdout, run.stderr]);
        show(run(["which", "--file", file]));
        show(run(["which", "--json", "--file", file]));
        show(run(["which", "--file", &text]));
        show(run(["token", "--file", &text]));
        show(with_input(["claims"], &text));
        for answer in [
            MockAnswer::grant(),
            MockAnswer::refuse("invalid_client", &echo),
            MockAnswer::refuse(&echo, "invalid client_secret parameter"),
            MockAnswer::status(200).body(format!("<html>{echo}</html>")),
            MockAnswer::status(302).header("location", format!("https://{echo}.example")),
        ] {
            ims.mock.answer_always(answer);
            let doctor = ["doctor", "--file", file, "--endpoint", ims.mock.endpoint()];
            show(run(doctor));
            show(run(doctor.into_iter().chain(["--json"])));
            let token = run(["token", "--file", file, "--endpoint", ims.mock.endpoint()]);
            show(Run { stdout: String::new(), ..token });
        }
        assert!(pieces.len() > 2, "{file}");
        for piece in pieces {
            assert!(!shown.contains(&piece), "{piece} in {shown}");
        }
    }
}

fn client_secret(file: &str) -> Option<String> {
    let json: Value = serde_json::from_str(file).unwrap();
    let secrets = [&json["integration"]["technicalAccount"]["clientSecret"], &json["CLIENT_SECRETS"][0]];
    secrets.into_iter().find_map(Value::as_str).map(str::to_owned)
}

/// Pieces of twelve characters of every secret in a credentials file.
fn pieces_of_secrets(file: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(file).unwrap();
    let key = json["integration"]["privateKey"].as_str().unwrap_or_default();
    let key = key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned);
    // The claims of a token are no secret, and shown.
    let token = json["accessToken"].as_str().map(|token| token.rsplit('.').next().unwrap().to_owned());
    let pieces = key.chain(client_secret(file)).chain(token);
    pieces
        .flat_map(|text| {
            text.as_bytes()
                .chunks_exact(12)
                .map(|piece| String::from_utf8_lossy(piece).into_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

struct Ims {
    mock: MockIms,
    folder: TempDir,
    /// The service credentials.
    file: String,
}

impl Ims {
    async fn start() -> Self {
        let (mock, folder) = (MockIms::start().await.unwrap(), tempfile::tempdir().unwrap());
        let file = write(folder.path(), "service_token.json", &mock.credentials_json());
        Self { mock, folder, file }
    }

    fn write(&self, name: &str, text: &str) -> String {
        write(self.folder.path(), name, text)
    }

    /// With the service credentials, against the mock.
    fn run<'a>(&'a self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let more = ["--file", &self.file, "--endpoint", self.mock.endpoint()];
        run(arguments.into_iter().chain(more))
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn two_credentials(mock: &MockIms) -> String {
    let mut project: Value = serde_json::from_str(&mock.project_json()).unwrap();
    let credentials = project["project"]["workspace"]["details"]["credentials"].as_array_mut().unwrap();
    let mut another = credentials[0].clone();
    another["name"] = "Another".into();
    another["oauth_server_to_server"]["client_id"] = "00000000000000000000000000000000".into();
    credentials.push(another);
    project.to_string()
}

#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let Output { status, stdout, stderr } = output;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }

    #[track_caller]
    fn ends(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!((self.code, self.stdout.as_str(), self.stderr.as_str()), (code, stdout, stderr));
    }
}

fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Run {
    Run::of(clean(PROGRAM).args(arguments).output().unwrap())
}

fn with_input<'a>(arguments: impl IntoIterator<Item = &'a str>, input: &str) -> Run {
    let pipes = || (Stdio::piped(), Stdio::piped(), Stdio::piped());
    let (stdin, stdout, stderr) = pipes();
    let mut child = clean(PROGRAM).args(arguments).stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

/// Without the credentials and proxies of whoever runs the tests.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    #[expect(clippy::disallowed_methods, reason = "programs are found by it")]
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command
}

/// An API that responds to one request; what it got as `authorization`.
fn api() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let received = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
        let headers: Vec<String> = lines.collect();
        let response = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\nfrom the API";
        stream.write_all(response.as_bytes()).unwrap();
        let value = |line: &String| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
        };
        headers.iter().find_map(value).unwrap()
    });
    (address, received)
}

#[expect(clippy::disallowed_methods, reason = "the program goes by the same clock")]
fn since_epoch() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
