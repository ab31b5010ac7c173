//! `cargo xtask layers`: the tree is as `docs/architecture.md` says, checked and not just hoped for.
//!
//! Three things: each crate uses only what its row of the table allows, no crate reaches what it must never see by way
//! of others, and the document names the crates that there are. What the pure crates must not *call* (clocks,
//! sockets, files, threads) is clippy's to find: their `clippy.toml` says what and why.

mod document;
mod graph;
mod table;

use std::fs;

use crate::Result;
use crate::workspace::Workspace;

use self::graph::Graph;
use self::table::{LAYERS, Layer, Outside};

pub(crate) fn run(workspace: &Workspace, _arguments: &[String]) -> Result {
    let graph = Graph::of(&workspace.metadata()?)?;
    let mut faults = faults_of(&graph, LAYERS);

    let path = "docs/architecture.md";
    match fs::read_to_string(workspace.join(path)) {
        Ok(text) => faults.extend(document::faults_of(&text, &graph.crates_below("crates"))),
        Err(error) => faults.push(format!("{path} can't be read: {error}")),
    }

    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => {
            println!("{} crates keep to their layers", LAYERS.len());
            Ok(())
        }
        count => {
            Err(format!("faults: {count}; the table of crates is xtask/src/layers/table.rs").into())
        }
    }
}

/// Where the tree differs from the table: one sentence each.
fn faults_of(graph: &Graph, layers: &[Layer]) -> Vec<String> {
    let mut faults = Vec::new();
    for member in graph.members() {
        match layers.iter().find(|layer| layer.name == member) {
            Some(layer) => {
                faults.extend(direct_faults(graph, layer));
                faults.extend(reach_faults(graph, layer));
            }
            None => faults.push(format!("{member} has no row in the table of layers")),
        }
    }
    for layer in layers {
        if !graph.members().any(|member| member == layer.name) {
            faults.push(format!("{} is in the table, not in the tree", layer.name));
        }
    }
    faults
}

/// What the crate names in its own manifest and may not.
fn direct_faults(graph: &Graph, layer: &Layer) -> Vec<String> {
    let is_allowed = |dependency: &str| {
        if graph.members().any(|member| member == dependency) {
            return layer.ours.contains(&dependency);
        }
        match layer.outside {
            Outside::Any => true,
            Outside::Only(names) => names.contains(&dependency),
        }
    };
    graph
        .dependencies(layer.name)
        .filter(|dependency| !is_allowed(dependency))
        .map(|dependency| format!("{} may not use {dependency}", layer.name))
        .collect()
}

/// What the crate must never see and reaches, with the way there.
fn reach_faults(graph: &Graph, layer: &Layer) -> Vec<String> {
    layer
        .never_sees
        .iter()
        .filter_map(|forbidden| graph.path(layer.name, forbidden))
        .map(|path| {
            let forbidden = path.last().map_or("", String::as_str);
            format!(
                "{} must never see {forbidden}: {}",
                layer.name,
                path.join(" -> ")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
