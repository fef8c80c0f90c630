//! The page is embedded: a new one is a reason to build again.

use std::path::Path;

fn main() {
    // Cargo would build again every time for the sake of a path that is not there.
    let page = if Path::new("../client/demo/dist").exists() {
        "../client/demo/dist"
    } else {
        "../client/demo"
    };
    println!("cargo:rerun-if-changed={page}");
}
