//! `docs/roles.md`: what each of the seven roles may do, for people; the rights themselves are in `domain/src/permission.rs`.

use prometric_domain::{Choice, Permission, Role};
use std::fmt::Write;

const HEAD: &str = "\
# Roles and permissions

Generated from [permission.rs](../domain/src/permission.rs) by `./dev schemas`; a test fails when it is out of date. A workspace may
have roles of its own beside these, and a member may be granted more ([members.rs](../api/src/identity/member.rs)). A permission marked
`*` is about records that are somebody's: given as `DEALS_VIEW:own` it reaches to those that are assigned to its holder, as
`DEALS_VIEW:department` to those of everybody in their department and the ones below it, too; plain, or by one of these roles, to all.

";

pub fn render() -> String {
    let mut text = HEAD.to_owned();
    let titles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    writeln!(text, "| Permission | {} |", titles.join(" | ")).expect("a string takes all");
    writeln!(text, "|---|{}", ":-:|".repeat(titles.len())).expect("a string takes all");
    for permission in Permission::ALL {
        let mark = if permission.is_of_records() { " *" } else { "" };
        let cells = Role::ALL
            .iter()
            .map(|role| if role.allows(*permission) { "✓" } else { "" });
        let cells: Vec<&str> = cells.collect();
        writeln!(text, "| `{permission}`{mark} | {} |", cells.join(" | ")).expect("a string takes all");
    }
    text
}
