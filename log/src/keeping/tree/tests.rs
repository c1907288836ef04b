//! The trees of RFC 6962's reference implementation, and every proof of every tree up to a size.

use super::*;

/// Certificate Transparency's own test leaves, and the roots of the first one, two, … of them.
const REFERENCE: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    (
        "2021",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (
        "3031",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    ),
    (
        "40414243",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ),
    (
        "5051525354555657",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ),
    (
        "606162636465666768696a6b6c6d6e6f",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
];

#[test]
fn the_roots_are_those_of_the_reference() {
    let mut tree = Tree::default();
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex::encode(tree.root()), nothing);
    for (leaf, root) in REFERENCE {
        tree.push(hash(&[&[0], &hex::decode(leaf).unwrap()]));
        assert_eq!(hex::encode(tree.root()), root);
    }
}

/// From the reference as well: leaf 5 in the tree of 8, and the tree of 6 within that of 8.
#[test]
fn the_proofs_are_those_of_the_reference() {
    let leaves: Vec<Hash> = REFERENCE
        .iter()
        .map(|(leaf, _)| hash(&[&[0], &hex::decode(leaf).unwrap()]))
        .collect();
    let shown =
        |path: Option<Path>| -> Vec<String> { path.unwrap().0.iter().map(|hash| hex::encode(hash.0)).collect() };
    assert_eq!(
        shown(Path::inclusion(&leaves, 5)),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        shown(Path::consistency(&leaves, 6)),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| hash(&[&n.to_be_bytes()])).collect()
}

#[test]
fn every_leaf_of_every_tree_is_proved_in_its_place_alone() {
    for size in 1..=33_u64 {
        let leaves = leaves(size);
        let root = root(&leaves);
        for (index, leaf) in (0..).zip(&leaves) {
            let path = Path::inclusion(&leaves, usize::try_from(index).unwrap()).unwrap();
            assert!(path.includes(*leaf, index, size, &root), "{index} of {size}");
            assert!(!path.includes([0; 32], index, size, &root));
            assert!(!path.includes(*leaf, index, size, &[0; 32]));
            let elsewhere = (0..size + 2).filter(|other| *other != index);
            assert!(
                elsewhere
                    .into_iter()
                    .all(|other| !path.includes(*leaf, other, size, &root))
            );
            let mut longer = path.clone();
            longer.0.push(HexHash([0; 32]));
            assert!(!longer.includes(*leaf, index, size, &root));
        }
        assert_eq!(Path::inclusion(&leaves, leaves.len()), None);
    }
}

#[test]
fn every_tree_goes_on_from_those_before_it_and_from_no_other() {
    let leaves = leaves(33);
    for size in 1..=33 {
        let after = root(&leaves[..size]);
        for first in 1..=size {
            let before = root(&leaves[..first]);
            let path = Path::consistency(&leaves[..size], first).unwrap();
            let (at, to) = (u64::try_from(first).unwrap(), u64::try_from(size).unwrap());
            assert!(path.extends((at, &before), (to, &after)), "{first} in {size}");
            assert!(!path.extends((at, &[0; 32]), (to, &after)));
            assert!(!path.extends((at, &before), (to, &[0; 32])));
            assert!(!path.extends((at + 1, &before), (to, &after)), "{first} in {size}");
            assert!(!path.extends((0, &before), (to, &after)));
        }
        assert_eq!(Path::consistency(&leaves[..size], 0), None);
        assert_eq!(Path::consistency(&leaves[..size], size + 1), None);
    }
}

#[test]
fn a_tree_goes_on_from_its_peaks() {
    let leaves = leaves(33);
    for size in 0..=33 {
        let tree: Tree = leaves[..size].iter().copied().collect();
        let peaks = tree.peaks().to_vec();
        assert!(Tree::from_peaks(tree.size() ^ 1, peaks.clone()).is_none());
        let mut again = Tree::from_peaks(tree.size(), peaks).unwrap();
        leaves[size..].iter().for_each(|leaf| again.push(*leaf));
        assert_eq!(again.root(), root(&leaves));
    }
}
