//! Which nodes have which mesh keys: by this people see whether the next step of an exchange may follow.

use std::collections::BTreeMap;

use super::phrase::join_names;
use crate::mesh::MeshKeyId;

/// One text for each set of keys that nodes have: `node-1 and node-2 sign with ca0c2066 and know b8db4a7c`. Nodes come
/// with their keys, the first of which signs. Nothing where no node has one.
pub fn mesh_keys(nodes: impl Iterator<Item = (String, Vec<MeshKeyId>)>) -> Vec<String> {
    let mut holders: BTreeMap<Vec<MeshKeyId>, Vec<String>> = BTreeMap::new();
    for (node, keys) in nodes {
        holders.entry(keys).or_default().push(node);
    }
    if holders.keys().all(Vec::is_empty) {
        return Vec::new();
    }
    let all_alike = holders.len() == 1;
    holders.iter().map(|(keys, nodes)| sentence(keys, nodes, all_alike)).collect()
}

fn sentence(keys: &[MeshKeyId], nodes: &[String], all_alike: bool) -> String {
    let is_one = nodes.len() == 1;
    let who = match nodes.len() {
        0 | 1 => join_names(nodes),
        2 if all_alike => "both nodes".to_owned(),
        count if all_alike => format!("all {count} nodes"),
        _ => join_names(nodes),
    };
    let Some((signing, known)) = keys.split_first() else {
        return format!("{who} {} no mesh key", if is_one { "has" } else { "have" });
    };
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let (sign, know) = if is_one { ("signs", "knows") } else { ("sign", "know") };
    let more = if known.is_empty() { String::new() } else { format!(" and {know} {}", join_names(&known)) };
    format!("{who} {sign} with the mesh key {signing}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_an_exchange_can_be_seen() {
        let id = |byte| MeshKeyId([byte; 4]);
        let (old, new) = (id(1), id(2));
        let said = |nodes: &[(&str, &[MeshKeyId])]| {
            mesh_keys(nodes.iter().map(|(node, keys)| ((*node).to_owned(), keys.to_vec()))).join("; ")
        };
        assert_eq!(said(&[("a", &[]), ("b", &[])]), "");
        assert_eq!(said(&[("a", &[old]), ("b", &[old])]), "both nodes sign with the mesh key 01010101");
        assert_eq!(
            said(&[("a", &[old, new]), ("b", &[old, new]), ("c", &[old, new])]),
            "all 3 nodes sign with the mesh key 01010101 and know 02020202"
        );
        assert_eq!(
            said(&[("a", &[old]), ("b", &[new, old]), ("c", &[new, old]), ("d", &[])]),
            "d has no mesh key; a signs with the mesh key 01010101; b and c sign with the mesh key 02020202 and know 01010101"
        );
    }
}
