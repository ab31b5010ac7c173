//! Who depends on whom, for everything but tests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata};

use crate::Result;

/// Packages by id, since one name can occur in several versions.
#[derive(Debug, Default)]
pub(super) struct Graph {
    packages: BTreeMap<String, Package>,
}

#[derive(Debug)]
struct Package {
    name: String,
    /// For the workspace's own: the folder of its manifest, below the root.
    folder: Option<String>,
    dependencies: Vec<String>,
}

impl Graph {
    pub(super) fn of(metadata: &Metadata) -> Result<Graph> {
        let resolve = metadata
            .resolve
            .as_ref()
            .ok_or("cargo metadata resolved nothing")?;
        let mut graph = Graph::default();
        for node in &resolve.nodes {
            let package = &metadata[&node.id];
            let folder = metadata
                .workspace_members
                .contains(&node.id)
                .then(|| package.manifest_path.parent())
                .flatten()
                .and_then(|folder| folder.strip_prefix(&metadata.workspace_root).ok());
            let is_shipped = |dependency: &&cargo_metadata::NodeDep| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind != DependencyKind::Development)
            };
            let dependencies = node.deps.iter().filter(is_shipped);
            let package = Package {
                name: package.name.to_string(),
                folder: folder.map(ToString::to_string),
                dependencies: dependencies.map(|one| one.pkg.repr.clone()).collect(),
            };
            graph.packages.insert(node.id.repr.clone(), package);
        }
        Ok(graph)
    }

    /// The names of the workspace's own crates.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        let members = self
            .packages
            .values()
            .filter(|package| package.folder.is_some());
        members.map(|package| package.name.as_str())
    }

    /// The names of the workspace's own crates in a folder of the tree.
    pub(super) fn crates_below(&self, parent: &str) -> BTreeSet<&str> {
        let is_below = |folder: &str| {
            folder
                .strip_prefix(parent)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.packages
            .values()
            .filter(|package| package.folder.as_deref().is_some_and(is_below))
            .map(|package| package.name.as_str())
            .collect()
    }

    /// What a member of the workspace depends on by itself.
    pub(super) fn dependencies(&self, member: &str) -> impl Iterator<Item = &str> {
        self.id_of(member)
            .into_iter()
            .flat_map(|id| self.packages[id].dependencies.iter())
            .map(|id| self.name_of(id))
    }

    /// The shortest way from a member of the workspace to a package of that name, both ends included.
    pub(super) fn path(&self, member: &str, name: &str) -> Option<Vec<String>> {
        let start = self.id_of(member)?;
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(id) = queue.pop_front() {
            for next in self.packages.get(id).iter().flat_map(|p| &p.dependencies) {
                if next == start || came_from.contains_key(next.as_str()) {
                    continue;
                }
                came_from.insert(next, id);
                if self.name_of(next) == name {
                    return Some(self.trace(next, &came_from));
                }
                queue.push_back(next);
            }
        }
        None
    }

    fn trace<'a>(&self, end: &'a str, came_from: &BTreeMap<&'a str, &'a str>) -> Vec<String> {
        let steps = std::iter::successors(Some(end), |id| came_from.get(id).copied());
        let mut path: Vec<String> = steps.map(|id| self.name_of(id).to_owned()).collect();
        path.reverse();
        path
    }

    fn id_of(&self, member: &str) -> Option<&str> {
        let mut packages = self.packages.iter();
        packages
            .find(|(_, package)| package.folder.is_some() && package.name == member)
            .map(|(id, _)| id.as_str())
    }

    fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.packages.get(id).map_or(id, |package| &package.name)
    }
}

#[cfg(test)]
impl Graph {
    /// A graph by hand: members of the workspace, each with its folder, then packages from outside.
    pub(super) fn planted(members: &[(&str, &[&str])], outside: &[(&str, &[&str])]) -> Graph {
        let package = |(name, dependencies): &(&str, &[&str]), folder| Package {
            name: (*name).to_owned(),
            folder,
            dependencies: dependencies.iter().map(ToString::to_string).collect(),
        };
        let members = members
            .iter()
            .map(|row| package(row, Some(format!("crates/{}", row.0))));
        let outside = outside.iter().map(|row| package(row, None));
        let packages = members.chain(outside);
        Graph {
            packages: packages.map(|one| (one.name.clone(), one)).collect(),
        }
    }
}
