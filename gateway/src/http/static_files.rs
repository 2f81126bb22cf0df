//! The built widget and the demo page, held in memory.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::cache_policy::cache_control;
use super::conditional::is_not_modified;
use super::content_coding::accepts_coding;
use super::content_type::content_type;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
/// Maximum depth of directories; no build nests them deeper.
const MAX_DEPTH: usize = 8;

/// Files by their path without the leading slash.
#[derive(Debug, Default)]
pub struct StaticFiles {
    files: HashMap<String, File>,
}

#[derive(Debug)]
struct File {
    identity: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    etag: HeaderValue,
    cache_control: HeaderValue,
}

/// A directory cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}; `make dist` builds the files", .path.display())]
pub struct DistError {
    path: PathBuf,
    source: std::io::Error,
}

impl StaticFiles {
    /// The files that were embedded when this program was built.
    #[must_use]
    pub fn embedded() -> Self {
        Self::new(
            EMBEDDED.iter().map(|(path, bytes)| ((*path).to_owned(), Bytes::from_static(bytes))),
        )
    }

    /// The files below `directory`, as they are now.
    ///
    /// # Errors
    /// [`DistError`] if it, or something in it, cannot be read.
    pub fn read(directory: &Path) -> Result<Self, DistError> {
        let mut files = Vec::new();
        let mut open = vec![(directory.to_owned(), String::new(), 0)];
        while let Some((path, name, depth)) = open.pop() {
            let error = |source| DistError { path: path.clone(), source };
            for entry in std::fs::read_dir(&path).map_err(error)? {
                let entry = entry.map_err(error)?;
                let Ok(part) = entry.file_name().into_string() else {
                    continue;
                };
                let name = format!("{name}{part}");
                let path = entry.path();
                let error = |source| DistError { path: path.clone(), source };
                if part.starts_with('.') {
                    continue;
                } else if std::fs::metadata(&path).map_err(error)?.is_dir() {
                    if depth < MAX_DEPTH {
                        open.push((path, format!("{name}/"), depth + 1));
                    }
                } else {
                    files.push((name, Bytes::from(std::fs::read(&path).map_err(error)?)));
                }
            }
        }
        Ok(Self::new(files.into_iter()))
    }

    fn new(files: impl Iterator<Item = (String, Bytes)>) -> Self {
        let mut all: HashMap<String, Bytes> = files.collect();
        let mut identity: Vec<String> = all.keys().cloned().collect();
        identity.retain(|name| {
            let of_another =
                |suffix| name.strip_suffix(suffix).is_some_and(|other| all.contains_key(other));
            !of_another(".br") && !of_another(".gz")
        });
        let mut encoded = |name: &str, suffix: &str| all.remove(&format!("{name}{suffix}"));
        let encoded: Vec<_> = identity
            .into_iter()
            .map(|name| (encoded(&name, ".br"), encoded(&name, ".gz"), name))
            .collect();
        let files: HashMap<String, File> = encoded
            .into_iter()
            .filter_map(|(brotli, gzip, name)| {
                let identity = all.remove(&name)?;
                let digest = digest(&identity);
                let etag = HeaderValue::from_str(&format!("W/\"{digest}\"")).ok()?;
                let cache_control = cache_control(&name, &digest);
                Some((name, File { identity, brotli, gzip, etag, cache_control }))
            })
            .collect();
        Self { files }
    }

    /// Whether there is nothing to serve.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Total bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let len = |encoded: &Option<Bytes>| encoded.as_ref().map_or(0, Bytes::len);
        self.files
            .values()
            .map(|file| file.identity.len() + len(&file.brotli) + len(&file.gzip))
            .sum()
    }

    /// The file at `path`, which begins with a slash.
    pub(crate) fn serve(&self, path: &str, request: &HeaderMap) -> Option<Response> {
        let name = match path.strip_prefix('/')? {
            "" => "index.html",
            name => name,
        };
        let file = self.files.get(name)?;
        let encoded = |bytes: &Option<Bytes>, coding: &'static str| {
            let bytes = bytes.clone().filter(|bytes| {
                bytes.len() < file.identity.len() && accepts_coding(request, coding)
            })?;
            Some((bytes, Some(HeaderValue::from_static(coding))))
        };
        let (bytes, coding) = encoded(&file.brotli, "br")
            .or_else(|| encoded(&file.gzip, "gzip"))
            .unwrap_or_else(|| (file.identity.clone(), None));
        let mut response = if is_not_modified(request, &file.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Body::from(bytes).into_response();
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
            if let Some(coding) = coding {
                response.headers_mut().insert(CONTENT_ENCODING, coding);
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, file.cache_control.clone());
        headers.insert(ETAG, file.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        Some(response)
    }
}

/// The first 16 hexadecimal digits of SHA-256.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().take(8) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

    use super::*;

    fn files() -> StaticFiles {
        let file = |name: &str, bytes: &'static str| {
            (name.to_owned(), Bytes::from_static(bytes.as_bytes()))
        };
        StaticFiles::new(
            [
                file("index.html", "<!doctype html>"),
                file("zulip-presence-widget.js", "glue glue glue"),
                file("zulip-presence-widget.js.br", "br"),
                file("zulip-presence-widget.js.gz", "gzip"),
                file("zulip-presence-widget_bg.wasm", "\0asm"),
                file("lonely.gz", "an archive"),
            ]
            .into_iter(),
        )
    }

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[track_caller]
    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    #[test]
    fn files_have_their_type_and_headers() {
        let files = files();
        let none = HeaderMap::new();
        for (path, kind) in [
            ("/", "text/html; charset=utf-8"),
            ("/index.html", "text/html; charset=utf-8"),
            ("/zulip-presence-widget_bg.wasm", "application/wasm"),
            ("/zulip-presence-widget.js", "text/javascript; charset=utf-8"),
            ("/lonely.gz", "application/octet-stream"),
        ] {
            let response = files.serve(path, &none).expect(path);
            assert_eq!(header(&response, CONTENT_TYPE), kind, "{path}");
            assert_eq!(header(&response, CROSS_ORIGIN_RESOURCE_POLICY), "cross-origin");
            assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=300, must-revalidate");
        }
        for path in [
            "/no",
            "/zulip-presence-widget.js.br",
            "/../Cargo.toml",
            "//index.html",
            "/index.html/",
            "index.html",
            "/%2e%2e",
        ] {
            assert!(files.serve(path, &none).is_none(), "{path}");
        }
    }

    #[test]
    fn files_named_by_their_content_are_immutable() {
        // printf 'glue glue glue' | sha256sum
        let name = "widget-0a69eb89c96503a9.js";
        for (name, expected) in [
            (name, "public, max-age=31536000, immutable"),
            // Named by another content: somebody has changed the file.
            ("widget-0123456789abcdef.js", "public, max-age=300, must-revalidate"),
            ("zulip-presence.js", "public, max-age=300, must-revalidate"),
        ] {
            let bytes = Bytes::from_static(b"glue glue glue");
            let files = StaticFiles::new([(name.to_owned(), bytes)].into_iter());
            let response = files.serve(&format!("/{name}"), &HeaderMap::new()).expect(name);
            assert_eq!(header(&response, CACHE_CONTROL), expected, "{name}");
        }
    }

    #[test]
    fn content_coding_follows_accept_encoding() {
        let files = files();
        let coding = |accepted: &'static str| {
            let response = files
                .serve("/zulip-presence-widget.js", &headers(&[(ACCEPT_ENCODING, accepted)]))
                .expect("it is there");
            assert_eq!(header(&response, VARY), "Accept-Encoding");
            header(&response, CONTENT_ENCODING).to_owned()
        };
        assert_eq!(coding("gzip, deflate, br"), "br");
        assert_eq!(coding("gzip;q=0.5"), "gzip");
        assert_eq!(coding("br;q=0, gzip"), "gzip");
        assert_eq!(coding("br;q=0.0"), "");
        assert_eq!(coding("identity"), "");
    }

    #[test]
    fn matching_etag_gives_304() {
        let files = files();
        let first = files.serve("/", &HeaderMap::new()).expect("it is there");
        let etag = header(&first, ETAG).to_owned();
        assert!(etag.starts_with("W/\""), "{etag}");
        let mut request = HeaderMap::new();
        request.insert(
            IF_NONE_MATCH,
            HeaderValue::from_str(&format!("\"x\", {etag}")).expect("ASCII"),
        );
        assert_eq!(
            files.serve("/", &request).expect("it is there").status(),
            StatusCode::NOT_MODIFIED
        );
        request.insert(IF_NONE_MATCH, HeaderValue::from_static("W/\"x\""));
        assert_eq!(files.serve("/", &request).expect("it is there").status(), StatusCode::OK);
    }
}
