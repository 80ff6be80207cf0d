//! The body of a request becomes named text fields. IMS takes both urlencoded and multipart forms.

/// The fields, or what kept them from being read.
#[derive(Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    fault: Option<FormFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FormFault {
    TooLarge,
    NotAForm,
    RepeatedField,
}

impl Form {
    pub(super) fn read(content_type: Option<&str>, body: &[u8]) -> Self {
        if body.len() > MAX_BODY {
            return Self::faulty(FormFault::TooLarge);
        }
        let Some(fields) = fields(content_type.unwrap_or_default(), body) else {
            return Self::faulty(FormFault::NotAForm);
        };
        let mut seen = Vec::with_capacity(fields.len());
        let repeated = fields.iter().any(|(name, _)| {
            let again = name != "resource" && seen.contains(&name);
            seen.push(name);
            again
        });
        Self { fault: repeated.then_some(FormFault::RepeatedField), fields }
    }

    pub(super) fn fault(&self) -> Option<FormFault> {
        self.fault
    }

    /// Whether the field is there, be it empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// The field's text; an empty one counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    fn faulty(fault: FormFault) -> Self {
        Self { fields: Vec::new(), fault: Some(fault) }
    }
}

fn fields(content_type: &str, body: &[u8]) -> Option<Vec<(String, String)>> {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let mut fields = form_urlencoded::parse(body);
        let known: Vec<_> = fields.by_ref().take(MAX_FIELDS).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        fields.next().is_none().then_some(known)
    } else if essence.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = parts.find_map(|part| parameter(part, "boundary"))?;
        multipart(boundary, std::str::from_utf8(body).ok()?)
    } else {
        None
    }
}

/// Only text fields, from a body already in memory: the crates for this are async and stream files.
fn multipart(boundary: &str, body: &str) -> Option<Vec<(String, String)>> {
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        return None;
    }
    let body = format!("\r\n{body}");
    let delimiter = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    for part in body.split(&delimiter).skip(1) {
        if part.starts_with("--") {
            return Some(fields);
        }
        if fields.len() >= MAX_FIELDS {
            return None;
        }
        let part = part.trim_start_matches([' ', '\t']).strip_prefix("\r\n")?;
        let (head, value) = part.split_once("\r\n\r\n")?;
        fields.push((field_name(head)?.to_owned(), value.to_owned()));
    }
    None // the closing delimiter is missing: the body was cut
}

fn field_name(head: &str) -> Option<&str> {
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let mut parts = value.split(';').map(str::trim);
        let is_field = name.trim().eq_ignore_ascii_case("content-disposition")
            && parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("form-data"));
        if !is_field {
            return None;
        }
        parts.find_map(|part| parameter(part, "name"))
    })
}

fn parameter<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = part.split_once('=')?;
    key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
}

/// Far above any assertion, and small enough to hold.
const MAX_BODY: usize = 64 * 1024;

/// Three are needed; `resource` may be repeated.
const MAX_FIELDS: usize = 64;

/// RFC 2046, section 5.1.1.
const MAX_BOUNDARY: usize = 70;

#[cfg(test)]
mod tests {
    use super::{Form, MAX_BODY};

    #[test]
    fn a_multipart_body_is_read_as_browsers_and_curl_write_it() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nme\r\n\
                    --x\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name=jwt_token\r\n\r\na.b.c\r\n--x--\r\n";
        for content_type in ["multipart/form-data; boundary=x", "Multipart/Form-Data;charset=utf-8; Boundary=\"x\""] {
            let form = Form::read(Some(content_type), body.as_bytes());
            assert!(form.fault().is_none());
            assert_eq!(form.get("client_id"), Some("me"));
            assert_eq!(form.get("jwt_token"), Some("a.b.c"));
        }
    }

    #[test]
    fn a_body_that_is_no_whole_form_is_a_fault() {
        let cut = "--x\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nme";
        let longer = "--xy\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nme\r\n--xy--";
        let urlencoded = "application/x-www-form-urlencoded";
        for (content_type, body) in [
            (Some("multipart/form-data; boundary=x"), cut),
            (Some("multipart/form-data; boundary=x"), longer),
            (Some("multipart/form-data; boundary="), cut),
            (Some("multipart/form-data"), cut),
            (Some("application/json"), "{}"),
            (None, "client_id=me"),
            (Some(urlencoded), "client_id=me&client_id=you"),
            (Some(urlencoded), &"a&".repeat(65)),
            (Some(urlencoded), &"a".repeat(MAX_BODY + 1)),
        ] {
            assert!(Form::read(content_type, body.as_bytes()).fault().is_some(), "{content_type:?}");
        }
    }

    #[test]
    fn a_repeated_resource_is_no_fault() {
        let form = Form::read(Some("application/x-www-form-urlencoded"), b"resource=a&resource=b&client_id=%C3%A9");
        assert!(form.fault().is_none());
        assert_eq!(form.get("client_id"), Some("é"));
    }
}
