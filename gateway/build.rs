//! Embeds the built widget (`dist/` of the workspace, or `ZULIP_PRESENCE_EMBED`) if it is there;
//! else embeds nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ZULIP_PRESENCE_EMBED");
    let mut files = Vec::new();
    if env::var_os("CARGO_FEATURE_EMBED").is_some() {
        let dist = env::var_os("ZULIP_PRESENCE_EMBED")
            .map_or_else(|| Path::new("..").join("dist"), PathBuf::from);
        if dist.is_dir() {
            println!("cargo::rerun-if-changed={}", dist.display());
            collect(&dist.canonicalize()?, "", &mut files)?;
        }
    }
    files.sort();
    let mut code = String::from("static EMBEDDED: &[(&str, &[u8])] = &[");
    for (name, path) in &files {
        let _ = write!(code, "({name:?}, include_bytes!({path:?})),");
    }
    code.push_str("];\n");
    let to =
        PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?).join("embedded.rs");
    fs::write(to, code)
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let (Some(name), Some(full)) =
            (path.file_name().and_then(|name| name.to_str()), path.to_str())
        else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        } else if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files.push((format!("{prefix}{name}"), full.to_owned()));
        }
    }
    Ok(())
}
