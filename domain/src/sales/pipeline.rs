//! A pipeline of the workspace's own: stages under names of its own, each of which is one of the open stages that every deal
//! has. So whoever knows nothing of pipelines still reads where a deal stands; being won or lost is the end of all of them.

use crate::{
    Aggregate, Change, Changes, Check, Event, Fields, Percent, Permission, Rejection, Rule, Violations,
    id::{PipelineId, PipelineStageId},
    sales::deal::Stage,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most stages of one.
pub const STAGES_MAX: usize = 50;

// Vocabulary

#[derive(Debug, Clone)]
pub enum PipelineCommand {
    Create(Box<Details>),
    Update(Box<Change>),
    Archive,
}

/// What is known of a pipeline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[field(required, max = 100)]
    pub name: String,
    /// In their order, at least one.
    pub stages: Vec<PipelineStage>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStage {
    /// By which deals name it, whatever it is called; a new one's is drawn.
    #[serde(default)]
    pub id: Option<PipelineStageId>,
    /// Unique in the pipeline.
    #[field(required, max = 100)]
    pub name: String,
    /// Which of the open ones it is.
    pub stage: Stage,
    /// How likely a deal is won from there, in percent; absent, as likely as from any such stage.
    #[serde(default)]
    #[field(range(0, 100))]
    pub probability: Option<Percent>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum PipelineEvent {
    #[serde(rename = "pipeline.created")]
    Created(Box<Details>),
    #[serde(rename = "pipeline.updated")]
    Updated(Box<Change>),
    #[serde(rename = "pipeline.archived")]
    Archived {},
}

impl Event for PipelineEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum PipelineRejection {
    #[error("no such pipeline")]
    #[rejection(Missing, "pipeline.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "pipeline.already_created")]
    AlreadyCreated,
    #[error("an archived pipeline is not changed any more")]
    #[rejection(Conflict, "pipeline.archived")]
    Archived,
    #[error(transparent)]
    #[rejection(Invalid, "pipeline.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Pipeline {
    const NAME: &'static str = "pipeline";
    type Id = PipelineId;
    type Command = PipelineCommand;
    type Event = PipelineEvent;
    type Rejection = PipelineRejection;

    fn permission(_: &PipelineCommand) -> Permission {
        Permission::WorkspacesUpdate
    }

    fn decide(&self, command: &PipelineCommand) -> Result<Vec<PipelineEvent>, PipelineRejection> {
        use {PipelineCommand as C, PipelineRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(details)) => {
                details.sound()?;
                Ok(vec![PipelineEvent::Created(details.clone())])
            }
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Known(_) | Self::Archived(_), C::Create(_)) => Err(R::AlreadyCreated),
            (Self::Known(details), C::Update(change)) => {
                let mut after = details.as_ref().clone();
                after.apply(change);
                after.sound()?;
                let updated = (after != **details).then(|| PipelineEvent::Updated(change.clone()));
                Ok(updated.into_iter().collect())
            }
            (Self::Known(_), C::Archive) => Ok(vec![PipelineEvent::Archived {}]),
            (Self::Archived(_), C::Update(_)) => Err(R::Archived),
            (Self::Archived(_), C::Archive) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &PipelineEvent) -> Self {
        use PipelineEvent as E;
        match (self, event) {
            (_, E::Created(details)) => Self::Known(details.clone()),
            (Self::Known(mut details), E::Updated(change)) => {
                details.apply(change);
                Self::Known(details)
            }
            (Self::Known(details), E::Archived {}) => Self::Archived(details),
            (state @ (Self::Unknown | Self::Archived(_)), E::Updated(_) | E::Archived {}) => state,
        }
    }
}

impl Details {
    fn sound(&self) -> Result<(), Violations> {
        let mut check = Check::default();
        self.check("", &mut check);
        check.that(!self.stages.is_empty(), "stages", Rule::Required);
        let few = self.stages.len() <= STAGES_MAX;
        check.that(few, "stages", Rule::TooMany { max: STAGES_MAX });
        for (n, stage) in self.stages.iter().enumerate().take(STAGES_MAX) {
            let before = &self.stages[..n];
            let named = before.iter().any(|other| other.name == stage.name);
            check.that(!named, format!("stages[{n}].name"), Rule::NotUnique);
            let taken = stage.id.is_some() && before.iter().any(|other| other.id == stage.id);
            check.that(!taken, format!("stages[{n}].id"), Rule::NotUnique);
            check.that(stage.stage.is_open(), format!("stages[{n}].stage"), Rule::NotAllowed);
        }
        check.done()
    }

    /// The stage of that id.
    pub fn stage(&self, id: PipelineStageId) -> Option<&PipelineStage> {
        self.stages.iter().find(|stage| stage.id == Some(id))
    }

    /// The first that is such a one.
    pub fn first_of(&self, kind: Stage) -> Option<&PipelineStage> {
        self.stages.iter().find(|stage| stage.stage == kind)
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Pipeline {
    #[default]
    Unknown,
    Known(Box<Details>),
    /// No deal enters it any more; those that are there go on.
    Archived(Box<Details>),
}

impl Pipeline {
    /// As far as there is one.
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(details) | Self::Archived(details) => Some(details),
            Self::Unknown => None,
        }
    }

    /// Whether deals may enter it.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Patch,
        testing::{given, sample},
    };
    use uuid::Uuid;

    fn created() -> PipelineEvent {
        sample("pipeline.created.v1")
    }

    fn details() -> Details {
        let PipelineEvent::Created(details) = created() else {
            panic!("another event")
        };
        *details
    }

    fn stage(id: u128, name: &str, kind: Stage) -> PipelineStage {
        PipelineStage {
            id: Some(PipelineStageId::new(Uuid::from_u128(id))),
            name: name.into(),
            stage: kind,
            probability: None,
        }
    }

    fn renamed(name: &str) -> Box<Change> {
        Box::new(Change {
            name: Patch::Set(name.into()),
            ..Change::default()
        })
    }

    fn archived() -> PipelineEvent {
        PipelineEvent::Archived {}
    }

    fn invalid(field: &str, rule: Rule) -> PipelineRejection {
        Violations::one(field, rule).into()
    }

    #[test]
    fn create() {
        let create = |details| PipelineCommand::Create(Box::new(details));
        given::<Pipeline>([]).when(create(details())).then([created()]);
        let with = |stages: Vec<PipelineStage>| Details { stages, ..details() };
        let many = (0..51).map(|n| stage(n, &n.to_string(), Stage::Lead)).collect();
        for (stages, field, rule) in [
            (vec![], "stages", Rule::Required),
            (many, "stages", Rule::TooMany { max: 50 }),
            (vec![stage(1, " ", Stage::Lead)], "stages[0].name", Rule::Required),
            (
                vec![stage(1, "Заявка", Stage::Won)],
                "stages[0].stage",
                Rule::NotAllowed,
            ),
            (
                vec![stage(1, "Заявка", Stage::Lead), stage(2, "Заявка", Stage::Closing)],
                "stages[1].name",
                Rule::NotUnique,
            ),
            (
                vec![stage(1, "Заявка", Stage::Lead), stage(1, "Договор", Stage::Closing)],
                "stages[1].id",
                Rule::NotUnique,
            ),
        ] {
            given::<Pipeline>([])
                .when(create(with(stages)))
                .then_rejected(invalid(field, rule));
        }
        for before in [vec![created()], vec![created(), archived()]] {
            given::<Pipeline>(before)
                .when(create(details()))
                .then_rejected(PipelineRejection::AlreadyCreated);
        }
    }

    #[test]
    fn update() {
        let update = |name: &str| PipelineCommand::Update(renamed(name));
        let updated = |name: &str| PipelineEvent::Updated(renamed(name));
        given::<Pipeline>([])
            .when(update("Опт"))
            .then_rejected(PipelineRejection::Missing);
        given::<Pipeline>([created()])
            .when(update("Розница"))
            .then([updated("Розница")]);
        given::<Pipeline>([created(), updated("Розница")])
            .when(update("Розница"))
            .then([]);
        given::<Pipeline>([created()])
            .when(update(" "))
            .then_rejected(invalid("name", Rule::Required));
        given::<Pipeline>([created(), archived()])
            .when(update("Опт"))
            .then_rejected(PipelineRejection::Archived);
    }

    #[test]
    fn archive() {
        let when = |before: Vec<_>| given::<Pipeline>(before).when(PipelineCommand::Archive);
        when(vec![]).then_rejected(PipelineRejection::Missing);
        when(vec![created()]).then([archived()]);
        when(vec![created(), archived()]).then([]);
    }

    #[test]
    fn a_stage_is_found_by_its_id_and_by_what_it_is() {
        let details = Details {
            name: "Опт".into(),
            stages: vec![
                stage(1, "Заявка", Stage::Lead),
                stage(2, "Образец", Stage::Proposal),
                stage(3, "Цена", Stage::Proposal),
            ],
        };
        let name = |found: Option<&PipelineStage>| found.map(|stage| stage.name.clone());
        let id = |id| PipelineStageId::new(Uuid::from_u128(id));
        assert_eq!(name(details.stage(id(3))).as_deref(), Some("Цена"));
        assert_eq!(name(details.stage(id(4))), None);
        assert_eq!(name(details.first_of(Stage::Proposal)).as_deref(), Some("Образец"));
        assert_eq!(name(details.first_of(Stage::Closing)), None);
        let state = |events: &[PipelineEvent]| {
            let state = events
                .iter()
                .fold(Pipeline::default(), |state, event| state.evolve(event));
            (state.details().is_some(), state.is_open())
        };
        assert_eq!(state(&[]), (false, false));
        assert_eq!(state(&[created()]), (true, true));
        assert_eq!(state(&[created(), archived()]), (true, false));
        assert_eq!(state(&[archived()]), (false, false));
    }
}
