//! What bills of materials need to know of each other: whether a new one would lead back to its own product, and
//! everything a product is made of, through all levels. The walk has no depth at which it gives up: it ends because
//! each product is visited once, and because there may be so many parts and no more.

use crate::{Context, Done, Error, Executor, Loaded};
use domain::{
    Money, Quantity, Rule, Violations,
    catalog::product::Product,
    check::ITEMS_MAX,
    field::{FILLED_LINE, LINE},
    id::{BomId, ProductId, WorkspaceId},
    production::bom::{
        Below, Bill, Bills, Bom, BomCommand, BomEvent, BomRejection, Component, ExplosionError, Operation, PARTS_MAX,
        explode,
    },
};
use log::Guard;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How often the look-up is made anew because a bill it read was changed meanwhile.
const ATTEMPTS_MAX: u32 = 8;

/// What one unit is made of, as a caller asks for it: names and units are the catalog's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct BillRequest {
    #[schemars(length(min = 1, max = ITEMS_MAX))]
    components: Vec<ComponentRequest>,
    #[serde(default)]
    #[schemars(length(max = ITEMS_MAX))]
    operations: Vec<OperationRequest>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ComponentRequest {
    material_id: ProductId,
    #[schemars(extend("exclusiveMinimum" = 0))]
    quantity: Quantity,
    /// Absent, the material's own.
    #[schemars(length(max = 20), regex(pattern = LINE))]
    unit: Option<String>,
    /// Of one unit of the material.
    #[serde(default)]
    #[schemars(extend("minimum" = 0))]
    cost: Money,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OperationRequest {
    #[schemars(
        length(max = 200),
        regex(pattern = FILLED_LINE)
    )]
    name: String,
    /// Minutes.
    duration: u32,
    #[serde(default)]
    #[schemars(length(max = ITEMS_MAX), inner(length(max = 100), regex(pattern = FILLED_LINE)))]
    required_skills: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = ITEMS_MAX), inner(length(max = 100), regex(pattern = FILLED_LINE)))]
    equipment: Vec<String>,
}

impl From<BillRequest> for Bill {
    fn from(BillRequest { components, operations }: BillRequest) -> Self {
        let component = |asked: ComponentRequest| Component {
            material_id: asked.material_id,
            material_name: String::new(),
            quantity: asked.quantity,
            unit: asked.unit.unwrap_or_default(),
            cost: asked.cost,
        };
        let operation = |asked: OperationRequest| Operation {
            name: asked.name,
            duration: asked.duration,
            required_skills: asked.required_skills,
            equipment: asked.equipment,
        };
        Self {
            components: components.into_iter().map(component).collect(),
            operations: operations.into_iter().map(operation).collect(),
        }
    }
}

/// Bills as read, with the versions they were read at.
#[derive(Default)]
pub struct Tree {
    pub bills: Bills,
    guards: Vec<Guard>,
    /// Components and operations of all of them.
    parts: usize,
    /// Of the product itself; 0 when it has no bill.
    pub version: u32,
    /// The walk ended at `PARTS_MAX`: there is more.
    pub cut_off: bool,
}

/// Defines what one unit of a product is made of. The names of the materials are taken from the catalog.
pub async fn define(
    executor: &Executor,
    product_id: ProductId,
    bill: Bill,
    context: &Context,
) -> Result<Done<BomEvent>, Error<BomRejection>> {
    let defined = look_up_and_define(executor, product_id, bill, context).await;
    executor
        .or_repeated::<Bom>(BomId::of(product_id), context, defined)
        .await
}

async fn look_up_and_define(
    executor: &Executor,
    product_id: ProductId,
    mut bill: Bill,
    context: &Context,
) -> Result<Done<BomEvent>, Error<BomRejection>> {
    let workspace = context.workspace;
    if executor
        .look::<Product, _>(workspace, product_id)
        .await?
        .state
        .details()
        .is_none()
    {
        return Err(Error::NoSuchReference(Violations::one("productId", Rule::Unknown)));
    }
    for (n, component) in bill.components.iter_mut().enumerate() {
        let material = executor
            .look::<Product, _>(workspace, component.material_id)
            .await?
            .state;
        let Some(details) = material.details() else {
            return Err(Error::NoSuchReference(Violations::one(
                format!("components[{n}].materialId"),
                Rule::Unknown,
            )));
        };
        if !details.kind.is_stocked() {
            return Err(Error::Rejected(
                Violations::one(format!("components[{n}].materialId"), Rule::NotAllowed).into(),
            ));
        }
        component.material_name.clone_from(&details.name);
        if component.unit.is_empty() {
            component.unit.clone_from(&details.unit);
        }
    }
    for _ in 0..ATTEMPTS_MAX {
        let mut tree = Tree::default();
        tree.add(product_id, &bill);
        let roots = bill.components.iter().map(|component| component.material_id);
        tree.walk(executor, workspace, roots.collect(), Source::Node).await?;
        let command = BomCommand::Define {
            product_id,
            bill: bill.clone(),
            below: tree.below(product_id),
        };
        match executor
            .execute_guarded::<Bom>(BomId::of(product_id), &command, &tree.guards, context)
            .await
        {
            Err(Error::Busy) => {}
            answer => return answer,
        }
    }
    Err(Error::Busy)
}

/// Every bill that a product is made by, its own included.
pub async fn tree<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    product: ProductId,
    source: Source,
) -> Result<Tree, Error<R>> {
    let mut tree = Tree::default();
    let own = source.bom(executor, workspace, product).await?.state;
    if let Some(bill) = own.bill() {
        tree.version = own.version();
        tree.add(product, bill);
        let parts = bill.components.iter().map(|component| component.material_id);
        tree.walk(executor, workspace, parts.collect(), source).await?;
    }
    Ok(tree)
}

/// Where bills are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// What this node knows, which may be behind.
    Node,
    Log,
}

impl Source {
    async fn bom<R>(
        self,
        executor: &Executor,
        workspace: WorkspaceId,
        product: ProductId,
    ) -> Result<Loaded<Bom>, Error<R>> {
        let id = BomId::of(product);
        match self {
            Self::Node => executor.look(workspace, id).await,
            Self::Log => executor.load(workspace, id).await,
        }
    }
}

impl Tree {
    fn add(&mut self, product: ProductId, bill: &Bill) {
        self.parts += bill.components.len() + bill.operations.len();
        self.bills.insert(product, bill.clone());
    }

    /// Takes in every bill reachable from these products.
    async fn walk<R>(
        &mut self,
        executor: &Executor,
        workspace: WorkspaceId,
        mut next: Vec<ProductId>,
        source: Source,
    ) -> Result<(), Error<R>> {
        let mut seen: BTreeSet<ProductId> = self.bills.keys().copied().collect();
        while let Some(product) = next.pop() {
            if !seen.insert(product) {
                continue;
            }
            if self.parts > PARTS_MAX {
                self.cut_off = true;
                return Ok(());
            }
            let loaded = source.bom(executor, workspace, product).await?;
            self.guards.push(Guard {
                stream_id: BomId::of(product).into(),
                version: loaded.version,
            });
            if let Some(bill) = loaded.state.bill() {
                next.extend(bill.components.iter().map(|component| component.material_id));
                self.add(product, bill);
            }
        }
        Ok(())
    }

    /// Whether the product could be made: one of it, at least.
    fn below(&self, product: ProductId) -> Below {
        if self.cut_off {
            return Below::TooLarge;
        }
        match explode(product, Quantity::whole(1), &self.bills) {
            Ok(_) => Below::Sound,
            Err(ExplosionError::Cyclic) => Below::LeadsBack,
            Err(ExplosionError::TooLarge | ExplosionError::NoBill) => Below::TooLarge,
        }
    }
}
