//! What somebody may do: permissions, each reaching to all records of its kind or only to some. A role is such a set with a
//! name, and a grant adds to it; sets only ever widen each other, so that the order of grants does not matter.

use crate::{
    Permission, Role,
    field::{FieldKind, FieldValue},
    id::{DepartmentId, RoleId, UserId},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};
use strum::{EnumString, IntoStaticStr};

/// Which records a permission is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Reach {
    /// Those that are assigned to whoever has it.
    Own,
    /// Those of everybody in their department and the ones below it, too.
    Department,
    All,
}

/// One permission as it is given: `DEALS_VIEW`, or `DEALS_VIEW:own`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub permission: Permission,
    pub reach: Reach,
}

/// Which of them are given, each as far as it reaches. In JSON a list of [`Grant`]s.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights(BTreeMap<Permission, Reach>);

impl Rights {
    /// What the role has by itself.
    pub fn of(role: Role) -> Self {
        let allowed = Permission::ALL.iter().filter(|permission| role.allows(**permission));
        Self(allowed.map(|permission| (*permission, Reach::All)).collect())
    }

    pub fn reach(&self, permission: Permission) -> Option<Reach> {
        self.0.get(&permission).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them reaches to somebody's department and no further.
    pub fn concern_a_department(&self) -> bool {
        self.0.values().any(|reach| *reach == Reach::Department)
    }

    pub fn grants(&self) -> impl Iterator<Item = Grant> {
        let grant = |(permission, reach): (&Permission, &Reach)| Grant {
            permission: *permission,
            reach: *reach,
        };
        self.0.iter().map(grant)
    }

    /// These and the others, each as far as either reaches.
    #[must_use]
    pub fn with(mut self, others: &Self) -> Self {
        for (permission, reach) in &others.0 {
            let known = self.0.entry(*permission).or_insert(*reach);
            *known = (*reach).max(*known);
        }
        self
    }

    /// The first of the others that is not here, or not as far.
    pub fn lacks(&self, others: &Self) -> Option<Permission> {
        let mut others = others.0.iter();
        let lacking = others.find(|(permission, reach)| self.reach(**permission).is_none_or(|own| own < **reach));
        lacking.map(|(permission, _)| *permission)
    }
}

impl Permission {
    /// As it is given for all records.
    pub fn everywhere(self) -> Grant {
        Grant {
            permission: self,
            reach: Reach::All,
        }
    }
}

impl FromIterator<Grant> for Rights {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let one = |Grant { permission, reach }| Self(BTreeMap::from([(permission, reach)]));
        grants
            .into_iter()
            .map(one)
            .fold(Self::default(), |all, one| all.with(&one))
    }
}

impl FromStr for Grant {
    type Err = NoGrant;

    fn from_str(text: &str) -> Result<Self, NoGrant> {
        let (permission, reach) = match text.split_once(':') {
            None => (text, Ok(Reach::All)),
            Some((permission, reach)) => (permission, reach.parse()),
        };
        let (permission, reach): (Permission, _) =
            (permission.parse().map_err(|_| NoGrant)?, reach.map_err(|_| NoGrant)?);
        match reach == Reach::All || permission.is_of_records() {
            true => Ok(Self { permission, reach }),
            false => Err(NoGrant),
        }
    }
}

/// Its first word is the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not_allowed: there is no such permission")]
pub struct NoGrant;

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reach {
            Reach::All => self.permission.fmt(f),
            reach => write!(f, "{}:{}", self.permission, <&str>::from(reach)),
        }
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.grants().map(|grant| grant.to_string()))
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Grant>::deserialize(deserializer).map(|grants| grants.into_iter().collect())
    }
}

impl JsonSchema for Rights {
    fn schema_name() -> Cow<'static, str> {
        "permissions".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all = Permission::ALL.iter().flat_map(|permission| {
            let reaches: &[Reach] = match permission.is_of_records() {
                true => &[Reach::All, Reach::Own, Reach::Department],
                false => &[Reach::All],
            };
            let grant = |reach: &Reach| Grant {
                permission: *permission,
                reach: *reach,
            };
            reaches.iter().map(move |reach| grant(reach).to_string())
        });
        let all: Vec<String> = all.collect();
        json_schema!({
            "type": "array",
            "items": { "type": "string", "enum": all, "x-extensible": true },
            "description": "`DEALS_VIEW` for all records; `DEALS_VIEW:own`, `DEALS_VIEW:department` for some",
        })
    }
}

impl FieldValue for Rights {
    const KIND: FieldKind = FieldKind::Json;
}

/// What somebody is in a workspace, and may do there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    pub role: Role,
    /// One of the workspace's own roles, whose rights count in place of the role's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<RoleId>,
    /// Beyond the role.
    #[serde(default, skip_serializing_if = "Rights::is_empty")]
    pub permissions: Rights,
}

impl From<Role> for Access {
    fn from(role: Role) -> Self {
        Self {
            role,
            role_id: None,
            permissions: Rights::default(),
        }
    }
}

/// Somebody, as far as rights go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub user: UserId,
    pub rights: Rights,
    /// Looked up only where a right concerns a department.
    pub circle: Circle,
}

/// Somebody's department with those below it, and everybody in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circle {
    pub departments: Vec<DepartmentId>,
    pub users: Vec<UserId>,
}

/// Whose a record is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Belongs {
    pub user: Option<UserId>,
    /// Its own, where it has one; else it is its user's.
    pub department: Option<DepartmentId>,
}

impl Standing {
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.reach(permission).is_some()
    }

    /// Whether a permission reaches to a record.
    pub fn may_on(&self, permission: Permission, record: Belongs) -> bool {
        let is_own = record.user == Some(self.user);
        let in_circle = || {
            record.user.is_some_and(|user| self.circle.users.contains(&user))
                || record
                    .department
                    .is_some_and(|id| self.circle.departments.contains(&id))
        };
        match self.rights.reach(permission) {
            Some(Reach::All) => true,
            Some(Reach::Department) => is_own || in_circle(),
            Some(Reach::Own) => is_own,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Permission::{DealsUpdate, DealsView, FinanceView};

    fn rights(texts: &[&str]) -> Rights {
        texts.iter().map(|text| text.parse::<Grant>().unwrap()).collect()
    }

    #[test]
    fn grants_are_spelled_as_in_the_documents_with_their_reach_behind() {
        let given = rights(&["DEALS_UPDATE:own", "DEALS_VIEW:department", "FINANCE_VIEW"]);
        let text = r#"["DEALS_VIEW:department","DEALS_UPDATE:own","FINANCE_VIEW"]"#;
        assert_eq!(serde_json::to_string(&given).unwrap(), text);
        assert_eq!(serde_json::from_str::<Rights>(text).unwrap(), given);
        for wrong in [
            "",
            "DEALS",
            "deals_view",
            "DEALS_VIEW:",
            "DEALS_VIEW:mine",
            "FINANCE_VIEW:own",
            ":own",
        ] {
            assert_eq!(wrong.parse::<Grant>(), Err(NoGrant), "{wrong}");
        }
        let refused = serde_json::from_str::<Rights>(r#"["NONSENSE"]"#).unwrap_err();
        assert!(refused.to_string().starts_with("not_allowed:"), "{refused}");
    }

    #[test]
    fn of_two_reaches_the_farther_counts() {
        let both = rights(&["DEALS_VIEW:own", "FINANCE_VIEW"]).with(&rights(&["DEALS_VIEW:department"]));
        assert_eq!(both.reach(DealsView), Some(Reach::Department));
        assert_eq!(
            (both.reach(FinanceView), both.reach(DealsUpdate)),
            (Some(Reach::All), None)
        );
        assert_eq!(rights(&["DEALS_VIEW", "DEALS_VIEW:own"]), rights(&["DEALS_VIEW"]));
        assert!(both.concern_a_department() && !rights(&["DEALS_VIEW:own"]).concern_a_department());
    }

    #[test]
    fn what_is_not_had_as_far_is_lacking() {
        let own = rights(&["DEALS_VIEW:own", "FINANCE_VIEW"]);
        assert_eq!(own.lacks(&rights(&["DEALS_VIEW:own"])), None);
        assert_eq!(own.lacks(&rights(&["DEALS_VIEW:department"])), Some(DealsView));
        assert_eq!(own.lacks(&rights(&["DEALS_UPDATE:own"])), Some(DealsUpdate));
        assert_eq!(own.lacks(&Rights::default()), None);
        assert_eq!(Rights::of(Role::Owner).lacks(&Rights::of(Role::Manager)), None);
        assert_eq!(
            Rights::of(Role::Admin).lacks(&Rights::of(Role::Owner)),
            Some(Permission::OwnersUpdate)
        );
    }

    #[test]
    fn a_right_reaches_to_records_of_one_s_own_of_the_department_or_to_all() {
        let [me, colleague, other] = [1, 2, 3].map(|n| UserId::new(uuid::Uuid::from_u128(n)));
        let [mine, theirs] = [4, 5].map(|n| DepartmentId::new(uuid::Uuid::from_u128(n)));
        let standing = Standing {
            user: me,
            rights: rights(&["DEALS_UPDATE:own", "DEALS_VIEW:department", "ORDERS_VIEW"]),
            circle: Circle {
                departments: vec![mine],
                users: vec![me, colleague],
            },
        };
        let of = |user, department| Belongs { user, department };
        for (record, seen, changed) in [
            (of(Some(me), None), true, true),
            (of(Some(colleague), None), true, false),
            (of(Some(other), None), false, false),
            (of(None, None), false, false),
            (of(Some(other), Some(mine)), true, false),
            (of(None, Some(theirs)), false, false),
        ] {
            let may = |permission| standing.may_on(permission, record);
            assert_eq!((may(DealsView), may(DealsUpdate)), (seen, changed), "{record:?}");
            assert!(may(Permission::OrdersView) && !may(FinanceView));
        }
        assert!(standing.may(DealsUpdate) && !standing.may(FinanceView));
    }
}
