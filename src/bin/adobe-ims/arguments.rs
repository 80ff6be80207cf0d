//! Parses the command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use adobe_ims::{Credentials, CredentialsReader, Error};
use lexopt::prelude::{Long, Short, Value};

use crate::Failure;

/// A command with its options.
pub(crate) enum Command {
    Help,
    Version,
    Token(Options),
    Doctor(Options),
    Which(Options),
    Claims(Options),
}

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) file: Option<PathBuf>,
    pub(crate) is_env: bool,
    pub(crate) endpoint: Option<String>,
    pub(crate) select: Option<String>,
    pub(crate) is_json: bool,
    pub(crate) is_header: bool,
}

impl Command {
    pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Self, Failure> {
        let (mut name, mut options, mut given) = (None, Options::default(), Vec::new());
        while let Some(argument) = arguments.next()? {
            let option = match argument {
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                Long("file") => {
                    options.file = Some(arguments.value()?.into());
                    "--file"
                }
                Long("env") => {
                    options.is_env = true;
                    "--env"
                }
                Long("endpoint") => {
                    options.endpoint = Some(text("--endpoint", arguments.value()?)?);
                    "--endpoint"
                }
                Long("select") => {
                    options.select = Some(text("--select", arguments.value()?)?);
                    "--select"
                }
                Long("json") => {
                    options.is_json = true;
                    "--json"
                }
                Long("header") => {
                    options.is_header = true;
                    "--header"
                }
                Value(value) if name.is_none() => {
                    name = Some(value);
                    continue;
                }
                Value(value) => return Err(too_many(&value, name.as_deref())),
                other => return Err(other.unexpected().into()),
            };
            given.push(option);
        }
        let Some(name) = name else { return Err(usage("a command is missing")) };
        Self::named(&name, options, &given)
    }

    fn named(name: &OsString, options: Options, given: &[&str]) -> Result<Self, Failure> {
        let (command, allowed): (fn(Options) -> Self, &[&str]) = match name.to_str() {
            Some("token") => (Self::Token, &["--file", "--env", "--endpoint", "--select", "--json", "--header"]),
            Some("doctor") => (Self::Doctor, &["--file", "--env", "--endpoint", "--select", "--json"]),
            Some("which") => (Self::Which, &["--file", "--env", "--select", "--json"]),
            Some("claims") => (Self::Claims, &["--json"]),
            _ => {
                let problem = |name| format!("there is no command `{name}`");
                return Err(usage(word(name).map_or("there is no such command".to_owned(), problem)));
            }
        };
        if let Some(option) = given.iter().find(|option| !allowed.contains(option)) {
            return Err(usage(format!("this command does not take {option}")));
        }
        if options.file.is_some() && options.is_env {
            return Err(usage("give one of --file and --env"));
        }
        if options.is_json && options.is_header {
            return Err(usage("give one of --json and --header"));
        }
        Ok(command(options))
    }
}

impl Options {
    pub(crate) fn reader(&self) -> CredentialsReader {
        let reader = Credentials::reader();
        match &self.select {
            Some(name) => reader.select(name),
            None => reader,
        }
    }

    pub(crate) fn credentials(&self) -> Result<Credentials, Error> {
        match &self.file {
            Some(path) => self.reader().from_file(path),
            None => self.reader().from_env(),
        }
    }
}

fn text(option: &str, value: OsString) -> Result<String, Failure> {
    value.into_string().map_err(|_| usage(format!("the value of {option} is not Unicode")))
}

/// A second word, often the path of a file.
fn too_many(value: &OsStr, command: Option<&OsStr>) -> Failure {
    let named = word(value).map_or(String::new(), |word| format!(" `{word}`"));
    let hint = if command.is_some_and(|name| name == "claims") { "" } else { "; give a file with --file" };
    usage(format!("unexpected argument{named}{hint}"))
}

/// The argument, if a message may repeat it: a short word without digits is no secret of Adobe.
fn word(argument: &OsStr) -> Option<&str> {
    let is_word = |text: &&str| {
        (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    argument.to_str().filter(is_word)
}

fn usage(problem: impl Into<String>) -> Failure {
    Failure::Usage(problem.into())
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        usage(match error {
            lexopt::Error::MissingValue { option: Some(option) } => format!("{option} needs a value"),
            lexopt::Error::UnexpectedValue { option, .. } => format!("{option} takes no value"),
            lexopt::Error::UnexpectedOption(_) => "there is no such option".to_owned(),
            _ => "unexpected argument".to_owned(),
        })
    }
}

const MAX_WORD: usize = 16;

pub(crate) const HELP: &str = "\
Gets access tokens from Adobe IMS, and diagnoses why there is none.

Usage: adobe-ims <command> [options]

First use, with a file that Adobe handed out:
  adobe-ims doctor --file service_token.json
  adobe-ims token --file service_token.json --header | curl -H @- https://author-p11111-e22222.adobeaemcloud.com/…

Commands:
  token    get a token from IMS, and print it on standard output
  doctor   check everything between the credentials and a token, with one exchange
  which    say what a file or the environment holds, without using it
  claims   print the claims of a token on standard input; they are not verified

Options:
  --file PATH      read this credentials file
  --env            read the environment, as without --file: ADOBE_IMS_CREDENTIALS, or the variables of Adobe's tools
  --select NAME    which of several credentials: its name, id or client id
  --endpoint URL   connect to this address instead of IMS; the server there receives the client secret
  --header         token: print it as a header, `Authorization: Bearer …`
  --json           print JSON; token: with expires_at (RFC 3339, UTC) and expires_at_epoch (seconds)
  -h, --help       print this
  -V, --version    print the version

Exit status: 0 on success, 1 on failure, 2 for wrong arguments.";
