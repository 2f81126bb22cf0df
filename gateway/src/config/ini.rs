//! INI files as Python's `configparser.ConfigParser` reads them with its default settings, which is
//! how Zulip's Python client reads a `zuliprc`.

use std::collections::{HashMap, HashSet};

/// Its entries are the defaults of every other section.
const DEFAULT_SECTION: &str = "DEFAULT";
/// `configparser.MAX_INTERPOLATION_DEPTH`.
const MAX_INTERPOLATION_DEPTH: u32 = 10;

type Section = HashMap<String, String>;

/// A parsed file. Names of entries are in lower case; sections are not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ini {
    sections: HashMap<String, Section>,
    defaults: Section,
}

/// A line that `configparser` refuses, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{line}: {kind}")]
pub struct IniError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: IniErrorKind,
}

/// Why a line is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IniErrorKind {
    /// `configparser.ParsingError`.
    #[error("expected `[section]` or `name = value`")]
    Syntax,
    /// `configparser.MissingSectionHeaderError`.
    #[error("expected `[section]` before the first entry")]
    NoSection,
    /// `configparser.DuplicateSectionError`.
    #[error("this section is there already")]
    DuplicateSection,
    /// `configparser.DuplicateOptionError`.
    #[error("this entry is there already")]
    DuplicateEntry,
}

/// A value whose `%` cannot be expanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpolationError {
    /// `configparser.InterpolationSyntaxError`.
    #[error("`%` must be written `%%`, or be part of a reference `%(name)s`")]
    Syntax,
    /// `configparser.InterpolationMissingOptionError`.
    #[error("it refers by `%(name)s` to an entry that is not there")]
    Missing,
    /// `configparser.InterpolationDepthError`.
    #[error("its references are nested more than 10 deep")]
    Depth,
}

/// The section that entries are added to.
enum Target {
    Defaults,
    Named(String),
}

impl Ini {
    /// Parses a whole file.
    ///
    /// # Errors
    /// The first line that makes `configparser` refuse the file.
    pub(crate) fn parse(text: &str) -> Result<Self, IniError> {
        let mut ini = Self::default();
        let mut target: Option<Target> = None;
        // The entry that continuation lines belong to.
        let mut entry: Option<String> = None;
        let mut indent = 0;
        let mut seen = HashSet::new();
        // Python goes on after such a line, so that a later error of another kind is raised first.
        let mut syntax_error = None;
        for (at, line) in lines(text).enumerate() {
            let error = |kind| IniError { line: at + 1, kind };
            let value = trim(line);
            if value.starts_with(['#', ';']) {
                continue;
            }
            let current = match (&target, &entry) {
                (Some(target), Some(entry)) => ini.section(target).get_mut(entry),
                _ => None,
            };
            if value.is_empty() {
                // An empty line is part of the value, if more lines follow.
                if let Some(current) = current {
                    current.push('\n');
                }
                continue;
            }
            let line_indent = line.chars().take_while(|c| is_space(*c)).count();
            if let Some(current) = current.filter(|_| line_indent > indent) {
                current.push('\n');
                current.push_str(value);
                continue;
            }
            indent = line_indent;
            if let Some(name) = section_name(value) {
                let is_default = name == DEFAULT_SECTION;
                if !is_default && ini.sections.contains_key(name) {
                    return Err(error(IniErrorKind::DuplicateSection));
                }
                target = Some(if is_default {
                    Target::Defaults
                } else {
                    ini.sections.insert(name.to_owned(), Section::new());
                    Target::Named(name.to_owned())
                });
                entry = None;
                continue;
            }
            let Some(target) = &target else {
                return Err(error(IniErrorKind::NoSection));
            };
            let Some((name, value)) = value.split_once(['=', ':']) else {
                syntax_error.get_or_insert(error(IniErrorKind::Syntax));
                continue;
            };
            let name = trim(name).to_lowercase();
            if name.is_empty() {
                syntax_error.get_or_insert(error(IniErrorKind::Syntax));
            }
            let section = match target {
                Target::Defaults => DEFAULT_SECTION,
                Target::Named(section) => section,
            };
            if !seen.insert((section.to_owned(), name.clone())) {
                return Err(error(IniErrorKind::DuplicateEntry));
            }
            ini.section(target).insert(name.clone(), trim(value).to_owned());
            entry = (!name.is_empty()).then_some(name);
        }
        if let Some(error) = syntax_error {
            return Err(error);
        }
        for section in ini.sections.values_mut().chain([&mut ini.defaults]) {
            for value in section.values_mut() {
                value.truncate(value.trim_end_matches(is_space).len());
            }
        }
        Ok(ini)
    }

    /// The value of `name` in `section`, else in `[DEFAULT]`, with its references expanded.
    ///
    /// # Errors
    /// [`InterpolationError`] where a `%` cannot be expanded.
    pub(crate) fn get(
        &self,
        section: &str,
        name: &str,
    ) -> Result<Option<String>, InterpolationError> {
        let Some(section) = self.sections.get(section) else {
            return Ok(None);
        };
        let Some(raw) = self.raw(section, name) else {
            return Ok(None);
        };
        let mut value = String::new();
        self.interpolate(section, raw, 1, &mut value)?;
        Ok(Some(value))
    }

    fn raw<'a>(&'a self, section: &'a Section, name: &str) -> Option<&'a str> {
        section.get(name).or_else(|| self.defaults.get(name)).map(String::as_str)
    }

    /// Appends `raw` to `value`: `%%` is `%`, and `%(name)s` the value of that entry.
    fn interpolate(
        &self,
        section: &Section,
        raw: &str,
        depth: u32,
        value: &mut String,
    ) -> Result<(), InterpolationError> {
        if depth > MAX_INTERPOLATION_DEPTH {
            return Err(InterpolationError::Depth);
        }
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('%') {
            value.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                value.push('%');
                rest = after;
                continue;
            }
            let reference = after.strip_prefix('(').and_then(|after| after.split_once(')'));
            let (name, after) = reference
                .and_then(|(name, after)| Some((name, after.strip_prefix('s')?)))
                .filter(|(name, _)| !name.is_empty())
                .ok_or(InterpolationError::Syntax)?;
            let referred =
                self.raw(section, &name.to_lowercase()).ok_or(InterpolationError::Missing)?;
            if referred.contains('%') {
                self.interpolate(section, referred, depth + 1, value)?;
            } else {
                value.push_str(referred);
            }
            rest = after;
        }
        value.push_str(rest);
        Ok(())
    }

    fn section(&mut self, target: &Target) -> &mut Section {
        match target {
            Target::Defaults => &mut self.defaults,
            Target::Named(name) => self.sections.entry(name.clone()).or_default(),
        }
    }
}

/// The lines of a file that Python opened as text: `\r\n` and `\r` end one too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The text between the first `[` and the last `]`; the rest is ignored.
fn section_name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Python's `str.isspace` counts the four separators of ASCII too.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Stdio};

    use serde_json::{Value, json};

    use super::*;

    const NAMES: [&str; 5] = ["email", "key", "site", "insecure", "cert_bundle"];

    /// Files that an administrator may have.
    const TABLE: &[&str] = &[
        "",
        "[api]\nemail=bot@x\nkey=abc\nsite=https://z.example\n",
        "[api]\r\nemail=bot@x\r\nkey=abc\r\nsite=https://z.example\r\n",
        "[api]\rkey=abc\r\r\nsite=x",
        // Indented, as pasted from a page.
        "  [api]\n  email=bot@x\n  key=abc\n  site=https://z.example\n",
        "[api]\n  email=bot@x\n  key=abc\n",
        "[api]\nemail=bot@x\n key=abc\n",
        "[api]\n\temail=bot@x\n    key=abc\nsite=x\n",
        "[api]\nkey=abc\n[other]\n key=no\n",
        // Continuation lines.
        "[api]\nkey=a\n b\n\n c\n\nsite=x\n",
        "[api]\nkey=a\n # comment\n b\n; comment\nsite=x\n",
        "[api]\nkey=\n abc\n",
        "[api]\nkey=abc\n [api]\n",
        // Defaults, references, percent signs.
        "[DEFAULT]\nsite=https://z.example\n[api]\nkey=abc\n",
        "[DEFAULT]\nhost=z.example\n[api]\nsite=https://%(host)s\nkey=%(HOST)s\n",
        "[api]\nkey=100%\nsite=x\n",
        "[api]\nkey=a%%b%%%%c\nsite=%(nothing)s\nemail=%(key)s\n",
        "[api]\nkey=%(key)s\n",
        "[api]\nkey=%(key\nsite=%()s\nemail=%(site)\n",
        "[api]\nkey=%(a)s\n[DEFAULT]\na=%(b)s\nb=%(c)s\nc=%%x\n",
        "[DEFAULT]\nkey=k\n[DEFAULT]\nsite=s\n[api]\nemail=e\n",
        "[DEFAULT]\nkey=k\nkey=k\n",
        // Duplicates.
        "[api]\nkey=a\nkey=b\n",
        "[api]\nkey=a\nKEY=b\n",
        "[api]\nkey=a\n[api]\nsite=x\n",
        "[api]\nkey=a\n[API]\nkey=b\n",
        "[other]\nx=1\nx=2\n[api]\nkey=a\n",
        // Comments.
        "# top\n; too\n[api]\nkey=abc # part of it\nsite=x ; too\n",
        "[api] # ignored\nkey=abc\n",
        "[api]]\nkey=abc\n",
        "[api\nkey=abc\n",
        "[]\nkey=abc\n",
        "[ api ]\nkey=abc\n",
        // Delimiters.
        "[api]\nkey : abc\nsite:https://z.example:8443\nemail = a=b\n",
        "[api]\nkey\n",
        "[api]\n=abc\nkey=x\n",
        "[api]\nkey abc\n[api]\n",
        "key=abc\n[api]\n",
        "\n\n[api]\nkey=abc\n",
        "[api]\nKey=abc\n\u{212a}ey=kelvin\n",
        "[api]\nkey=a\u{a0}\u{2003}b\u{a0}\n\u{2028}site=x\n",
        "[api]\nkey=\u{1c}abc\u{1f}\n\u{1d}site=x\n",
        "[api]\nkey=\"abc\"\nsite='x'\n",
        "[api]\nkey=abc\\\nsite=x\n",
        "[api]\nkey=\u{fc}\u{1f512}\nsite=x\n",
        "[api]\nkey=abc\u{0}def\u{b}\u{c}\n",
        "\u{feff}[api]\nkey=abc\n",
    ];

    /// The parts from which test files are built.
    const PIECES: &[&str] = &[
        "[api]\n",
        "[DEFAULT]\n",
        "[other]\n",
        " [api]\n",
        "[api",
        "]",
        "key",
        "KEY",
        "site",
        "email",
        "=",
        ":",
        " = ",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "  ",
        "\t",
        "#",
        ";",
        "%",
        "%%",
        "%(key)s",
        "%(site)s",
        "%(x)s",
        "%(",
        ")s",
        "a",
        "b",
        "x=1\n",
        "key=abc\n",
        "site=s\n",
        "email=e\n",
        "key=%(site)s\n",
        "\u{a0}",
        "\u{1c}",
        "\u{85}",
        "\u{2028}",
        "\u{c}",
    ];

    const PYTHON: &str = r#"
import configparser, io, json, sys
names, texts = json.load(sys.stdin)
rows = []
for text in texts:
    config = configparser.ConfigParser()
    try:
        config.read_file(io.StringIO(text, newline=None), "zuliprc")
    except configparser.Error as error:
        rows.append(type(error).__name__)
        continue
    row = {}
    for name in names:
        try:
            row[name] = config.get("api", name) if config.has_option("api", name) else None
        except configparser.Error as error:
            row[name] = {"error": type(error).__name__}
    rows.append(row)
json.dump(rows, sys.stdout)
"#;

    /// The same output as `PYTHON` for one file.
    fn ours(text: &str) -> Value {
        let ini = match Ini::parse(text) {
            Ok(ini) => ini,
            Err(error) => {
                return match error.kind {
                    IniErrorKind::Syntax => "ParsingError",
                    IniErrorKind::NoSection => "MissingSectionHeaderError",
                    IniErrorKind::DuplicateSection => "DuplicateSectionError",
                    IniErrorKind::DuplicateEntry => "DuplicateOptionError",
                }
                .into();
            }
        };
        let value = |name: &str| match ini.get("api", name) {
            Ok(value) => json!(value),
            Err(InterpolationError::Syntax) => json!({"error": "InterpolationSyntaxError"}),
            Err(InterpolationError::Missing) => json!({"error": "InterpolationMissingOptionError"}),
            Err(InterpolationError::Depth) => json!({"error": "InterpolationDepthError"}),
        };
        NAMES
            .iter()
            .map(|name| ((*name).to_owned(), value(name)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Pseudo-random files, the same in every run.
    fn generated(count: usize) -> Vec<String> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |bound: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap_or_default() % bound
        };
        (0..count)
            .map(|number| {
                // Every second file begins correctly, so that parsing gets further.
                let start = if number % 2 == 0 { "[api]\n" } else { "" };
                let pieces = (0..below(24)).map(|_| PIECES[below(PIECES.len())]);
                std::iter::once(start).chain(pieces).collect()
            })
            .collect()
    }

    #[test]
    fn files_are_read_as_pythons_configparser_reads_them() {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin/python");
        if !python.exists() {
            assert!(
                std::env::var_os("ZULIP_PRESENCE_TEST_ALL").is_none(),
                "Python is missing: `make tools-gateway` installs it"
            );
            println!("skipped: there is no {}", python.display());
            return;
        }
        let texts: Vec<String> =
            TABLE.iter().map(|text| (*text).to_owned()).chain(generated(5_000)).collect();
        let mut child = Command::new(python)
            .args(["-c", PYTHON])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        serde_json::to_writer(child.stdin.take().expect("piped"), &(NAMES, &texts))
            .expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(rows.len(), texts.len());
        for (text, python) in texts.iter().zip(rows) {
            assert_eq!(ours(text), python, "{text:?}");
        }
    }
}
