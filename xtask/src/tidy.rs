//! `tidy`: the house rules as tests. Each rule is a pure function over the tree of files, in a file of
//! its own under tidy/, with a bad example that it must catch.
//!
//! Sizes have ratchets (xtask/ratchets.txt): what was too large when a rule came may stay, and only shrink.

mod arrows;
mod furniture;
mod manifest;
mod ratchets;
mod sizes;
mod text;
mod tree;

use crate::failure::Failure;
use crate::{codegen, step, workspace};
use ratchets::Ratchets;
use tree::Tree;

const RATCHETS: &str = "xtask/ratchets.txt";

/// Runs every rule. `--tighten` first lowers the ratchets to what the files now measure.
pub fn run(args: &[String]) -> Result<(), Failure> {
    step::heading("tidy");
    let tree = Tree::load()?;
    let mut ratchets = Ratchets::parse(tree.text(RATCHETS).unwrap_or(""))?;
    if args.iter().any(|arg| arg == "--tighten") {
        ratchets.tighten(&sizes::measure(&tree));
        std::fs::write(workspace::root().join(RATCHETS), ratchets.to_string())?;
    }
    let mut findings = arrows::check(&tree);
    findings.extend(furniture::check(&tree));
    findings.extend(text::check(&tree));
    findings.extend(ratchets.check(&sizes::measure(&tree)));
    if let Some(before) = workspace::committed(RATCHETS) {
        findings.extend(ratchets.grown_since(&Ratchets::parse(&before)?));
    }
    findings.sort();
    findings.iter().for_each(|finding| println!("{finding}"));
    let generated = codegen::run(&["--check".to_owned()]);
    if let Err(failure) = &generated {
        println!("generated code: {failure}");
    }
    match findings.len() + usize::from(generated.is_err()) {
        0 => {
            println!("{} files in order", tree.len());
            Ok(())
        }
        broken => {
            Err(Failure::new(format!("tidy: {broken} places break a house rule")).rerun("cargo xtask tidy"))
        }
    }
}

/// How many seconds a step may take, as the ratchets say.
pub fn seconds_budget(step: &str) -> Option<f64> {
    let text = std::fs::read_to_string(workspace::root().join(RATCHETS)).ok()?;
    Ratchets::parse(&text).ok()?.seconds(step)
}

/// The rules on one file that is wrong in one way: what the tests of the rules are made of.
#[cfg(test)]
fn rules_broken(findings: &[tree::Finding]) -> Vec<&'static str> {
    let mut rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
    rules.dedup();
    rules
}
