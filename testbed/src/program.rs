//! Finds the programs that are started, and runs those that come to an end by themselves.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long a program that comes to an end by itself may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where Debian keeps programs that a user's `PATH` may lack.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where Debian keeps PostgreSQL's programs, a folder a version.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The path of a program.
///
/// # Errors
///
/// If it is not installed: the error names the Debian package that has it.
pub fn find(name: &str, package: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .with_context(|| format!("{name} is not installed: sudo apt-get install {package}"))
}

/// The folder of the newest PostgreSQL's programs.
///
/// # Errors
///
/// If none is installed.
pub fn postgres_folder() -> Result<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let installed = fs::read_dir(POSTGRES_VERSIONS).into_iter().flatten();
    let newest = installed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("bin/postgres").is_file())
        .max_by_key(|folder| version(folder));
    match newest {
        Some(folder) => Ok(folder.join("bin")),
        None => {
            let postgres = find("postgres", "postgresql")?;
            Ok(postgres.parent().map_or_else(PathBuf::new, PathBuf::from))
        }
    }
}

/// Runs a program to its end and returns what it printed.
///
/// # Errors
///
/// If it cannot be started, fails (what it said is in the error), or takes longer than a minute.
pub async fn run(mut command: Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = tokio::process::Command::from(command).spawn();
    let child = child.with_context(|| format!("cannot start {name}"))?;
    let mut group = Group(child.id());
    let Ok(output) = tokio::time::timeout(PATIENCE, child.wait_with_output()).await else {
        bail!("{name} has not ended within {PATIENCE:?}");
    };
    group.0 = None;
    let output = output?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{said}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The process group of a program that has not ended: killed when dropped, with the children that
/// the program would leave behind.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(leader) = leader {
            // Fails if the group is gone, and then there is nothing to end.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
