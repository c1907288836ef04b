//! Every text that an event may hold is either sealed (`Event::PERSONAL`) or said here not to tell of a person. So a field that
//! is added without a thought of that fails this test, and whoever adds it decides.

use super::event_types;
use prometric_domain::{Whose, fact::CATEGORIES};
use serde_json::Value;
use std::collections::BTreeSet;

/// Of things, machines, companies and processes. Free texts are among them: who writes of people there does so on their own account.
const OF_NOBODY: &[&str] = &[
    "api.key.created.addresses[]",
    "api.key.created.name",
    "bom.defined.components[].materialName",
    "bom.defined.components[].unit",
    "bom.defined.operations[].equipment[]",
    "bom.defined.operations[].name",
    "bom.defined.operations[].requiredSkills[]",
    "category.created.name",
    "category.updated.name",
    "custom.field.created.choices[]",
    "custom.field.created.key",
    "custom.field.created.label",
    "custom.field.created.translations[].label",
    "custom.field.updated.choices[]",
    "custom.field.updated.key",
    "custom.field.updated.label",
    "custom.field.updated.translations[].label",
    "customer.absorbed.bin",
    "customer.absorbed.paymentTerms",
    "customer.absorbed.segment",
    "customer.absorbed.source",
    "customer.absorbed.tags[]",
    "customer.created.bin",
    "customer.created.customerNumber",
    "customer.created.paymentTerms",
    "customer.created.segment",
    "customer.created.source",
    "customer.created.tags[]",
    "customer.released.bin",
    "customer.released.paymentTerms",
    "customer.released.segment",
    "customer.released.source",
    "customer.released.tags[]",
    "customer.updated.bin",
    "customer.updated.paymentTerms",
    "customer.updated.segment",
    "customer.updated.source",
    "customer.updated.tags[]",
    "deal.created.competitors[]",
    "deal.created.currency",
    "deal.created.custom.*",
    "deal.created.dealNumber",
    "deal.created.description",
    "deal.created.nextStep",
    "deal.created.products[].priceList.name",
    "deal.created.products[].parts[].productName",
    "deal.created.pipeline.pipelineName",
    "deal.created.pipeline.stageName",
    "deal.created.products[].productCode",
    "deal.created.products[].productName",
    "deal.created.source",
    "deal.created.tags[]",
    "deal.created.title",
    "deal.document.attached.name",
    "deal.document.attached.type",
    "deal.document.attached.url",
    "deal.lost.competitor",
    "deal.lost.notes",
    "deal.lost.reason",
    "deal.quote.made.items[].priceList.name",
    "deal.quote.made.items[].parts[].productName",
    "deal.quote.made.currency",
    "deal.quote.made.items[].productCode",
    "deal.quote.made.items[].productName",
    "deal.quote.made.notes",
    "deal.stage.changed.pipeline.pipelineName",
    "deal.stage.changed.pipeline.stageName",
    "deal.updated.competitors[]",
    "deal.updated.currency",
    "deal.updated.custom.*",
    "deal.updated.description",
    "deal.updated.nextStep",
    "deal.updated.products[].priceList.name",
    "deal.updated.products[].parts[].productName",
    "deal.updated.products[].productCode",
    "deal.updated.products[].productName",
    "deal.updated.source",
    "deal.updated.tags[]",
    "deal.updated.title",
    "deal.won.currency",
    "deal.won.custom.*",
    "deal.won.dealNumber",
    "deal.won.items[].priceList.name",
    "deal.won.items[].parts[].productName",
    "deal.won.items[].productCode",
    "deal.won.items[].productName",
    "deal.won.notes",
    "deal.won.paymentTerms",
    "deal.won.title",
    "department.created.code",
    "department.created.name",
    "department.updated.code",
    "department.updated.name",
    "employee.created.contractType",
    "employee.created.currency",
    "employee.created.position",
    "employee.updated.contractType",
    "employee.updated.currency",
    "employee.updated.position",
    "exchange.rate.set.currency",
    "external.appended.contentType",
    "external.appended.data",
    "external.appended.eventType",
    "external.appended.metadata",
    "external.appended.stream",
    "invoice.cancelled.currency",
    "invoice.created.currency",
    "invoice.credited.currency",
    "invoice.created.invoiceNumber",
    "invoice.created.items[].priceList.name",
    "invoice.created.items[].parts[].productName",
    "invoice.created.items[].productCode",
    "invoice.created.items[].productName",
    "invoice.created.notes",
    "invoice.created.orderNumber",
    "notification.created.data.*",
    "order.created.currency",
    "order.created.custom.*",
    "order.created.dealNumber",
    "order.created.items[].priceList.name",
    "order.created.items[].parts[].productName",
    "order.created.items[].productCode",
    "order.created.items[].productName",
    "order.created.notes",
    "order.created.orderNumber",
    "order.created.paymentTerms",
    "order.returned.items[].lots[].number",
    "order.returned.items[].productName",
    "order.returned.reason",
    "order.shipped.carrier",
    "order.shipped.items[].lots[].number",
    "order.shipped.items[].productName",
    "order.shipped.trackingNumber",
    "order.placed.currency",
    "order.placed.custom.*",
    "order.placed.dealNumber",
    "order.placed.items[].priceList.name",
    "order.placed.items[].parts[].productName",
    "order.placed.items[].productCode",
    "order.placed.items[].productName",
    "order.placed.notes",
    "order.placed.orderNumber",
    "order.placed.paymentTerms",
    "order.cancelled.orderNumber",
    "order.cancelled.reason",
    "order.cancelled.sale.currency",
    "order.changed.before.currency",
    "order.changed.items[].priceList.name",
    "order.changed.items[].parts[].productName",
    "order.changed.items[].productCode",
    "order.changed.items[].productName",
    "order.changed.orderNumber",
    "order.changed.reason",
    "order.completed.note",
    "order.status.changed.note",
    "order.updated.currency",
    "order.updated.custom.*",
    "order.updated.dealNumber",
    "order.updated.items[].priceList.name",
    "order.updated.items[].parts[].productName",
    "order.updated.items[].productCode",
    "order.updated.items[].productName",
    "order.updated.notes",
    "order.updated.paymentTerms",
    "organization.created.bin",
    "organization.created.name",
    "organization.updated.address",
    "organization.updated.email",
    "organization.updated.name",
    "organization.updated.phone",
    "payment.received.currency",
    "payment.received.invoiceNumber",
    "payment.received.method",
    "payment.received.paymentNumber",
    "payment.received.reference",
    "pipeline.created.name",
    "pipeline.created.stages[].name",
    "pipeline.updated.name",
    "pipeline.updated.stages[].name",
    "process.abandoned.saga",
    "process.abandoned.why",
    "process.step.refused.code",
    "process.step.refused.message",
    "process.step.refused.saga",
    "process.step.refused.step",
    "process.step.retried.saga",
    "process.step.retried.step",
    "process.step.retried.why",
    "process.step.skipped.saga",
    "process.step.skipped.step",
    "process.step.skipped.why",
    "price.list.created.currency",
    "price.list.created.name",
    "price.list.created.segment",
    "price.list.updated.currency",
    "price.list.updated.name",
    "price.list.updated.segment",
    "product.created.barcode",
    "product.created.barcodes[]",
    "product.created.category",
    "product.created.code",
    "product.created.currency",
    "product.created.custom.*",
    "product.created.description",
    "product.created.images[].url",
    "product.created.name",
    "product.created.specifications.*",
    "product.created.suppliers[].supplierName",
    "product.created.translations[].category",
    "product.created.translations[].description",
    "product.created.translations[].name",
    "product.created.unit",
    "product.created.units[].unit",
    "product.image.added.name",
    "product.image.added.sha256",
    "product.image.added.url",
    "product.image.removed.sha256",
    "product.updated.barcode",
    "product.updated.barcodes[]",
    "product.updated.category",
    "product.updated.code",
    "product.updated.currency",
    "product.updated.custom.*",
    "product.updated.description",
    "product.updated.images[].url",
    "product.updated.name",
    "product.updated.specifications.*",
    "product.updated.suppliers[].supplierName",
    "product.updated.translations[].category",
    "product.updated.translations[].description",
    "product.updated.translations[].name",
    "product.updated.unit",
    "product.updated.units[].unit",
    "production.order.created.materials[].materialName",
    "production.order.created.materials[].unit",
    "production.order.created.notes",
    "production.order.created.orderNumber",
    "production.order.created.productName",
    "production.order.created.productionNumber",
    "production.order.created.workOrders[].equipment[]",
    "production.order.created.workOrders[].operation",
    "production.order.created.workOrders[].requiredSkills[]",
    "requirement.lifted.key",
    "requirement.made.key",
    "stock.adjusted.lots[].number",
    "stock.adjusted.reason",
    "stock.adjusted.reference",
    "stock.arrived.lots[].number",
    "stock.counted.lots[].number",
    "stock.counted.reason",
    "stock.counted.reference",
    "stock.issued.lots[].number",
    "stock.issued.reason",
    "stock.issued.reference",
    "stock.landed.currency",
    "stock.landed.note",
    "stock.low.productCode",
    "stock.low.productName",
    "stock.low.unit",
    "stock.received.lots[].number",
    "stock.received.reason",
    "stock.received.reference",
    "stock.released.demand.reference",
    "stock.reserved.demand.reference",
    "stock.sent.lots[].number",
    "stock.sent.reason",
    "stock.sent.reference",
    "stock.shipped.demand.reference",
    "stock.shipped.lots[].number",
    "stock.short.demand.reference",
    "workspace.created.name",
    "workspace.created.slug",
    "workspace.created.tenantKey",
    "workspace.renamed.name",
    "workspace.role.defined.name",
    "workspace.updated.address",
    "workspace.updated.description",
    "workspace.updated.email",
    "workspace.updated.phone",
    "warehouse.created.address",
    "warehouse.created.code",
    "warehouse.created.name",
    "warehouse.updated.address",
    "warehouse.updated.code",
    "warehouse.updated.name",
];

/// The texts in an event's data that are in the clear, by where they stand.
fn texts(at: &str, schema: &Value, found: &mut BTreeSet<String>) {
    let forms = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    for form in forms.into_iter().flatten() {
        match form["properties"].get("$person") {
            Some(_) => return, // sealed
            None => texts(at, form, found),
        }
    }
    let is = |kind: &str| {
        schema["type"] == kind
            || schema["type"]
                .as_array()
                .is_some_and(|kinds| kinds.contains(&kind.into()))
    };
    let is_closed = schema.get("enum").is_some() || schema.get("const").is_some() || schema.get("format").is_some();
    let is_anything = schema == &Value::Bool(true) || schema.as_object().is_some_and(|words| words.is_empty());
    if is_anything || (is("string") && !is_closed) {
        found.insert(at.to_owned());
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        texts(&format!("{at}.{name}"), field, found);
    }
    if schema.get("items").is_some() {
        texts(&format!("{at}[]"), &schema["items"], found);
    }
    let more = &schema["additionalProperties"];
    let is_whole = !at.contains(['[', '*']) && schema.get("x-schema").is_some(); // an event without fields
    if !is_whole
        && more != &Value::Bool(false)
        && (!more.is_null() || (is("object") && schema.get("properties").is_none()))
    {
        texts(
            &format!("{at}.*"),
            if more.is_null() { &Value::Bool(true) } else { more },
            found,
        );
    }
}

#[test]
fn every_text_is_sealed_or_said_to_tell_of_nobody() {
    let mut found = BTreeSet::new();
    for known in event_types() {
        texts(&known.name, &known.json_schema, &mut found);
    }
    let of_nobody: BTreeSet<String> = OF_NOBODY.iter().map(|text| (*text).to_owned()).collect();
    let undecided: Vec<_> = found.difference(&of_nobody).collect();
    assert!(
        undecided.is_empty(),
        "who do these tell of? Seal them (PERSONAL of the event), or list them: {undecided:#?}"
    );
    let gone: Vec<_> = of_nobody.difference(&found).collect();
    assert!(gone.is_empty(), "there is no such text in the clear: {gone:#?}");
}

#[test]
fn what_is_said_to_be_personal_is_a_field_of_its_event() {
    for category in CATEGORIES {
        for field in category.personal() {
            let types = category.event_types();
            let known = types.iter().find(|known| known.name == field.event_type);
            let known = known.unwrap_or_else(|| panic!("{} is not of {}", field.event_type, category.name()));
            let mut at = &known.json_schema;
            for name in field.path.split('.') {
                at = &at["properties"][name];
            }
            if let Whose::Each { .. } = field.whose {
                at = &at["items"];
            }
            assert!(
                at["oneOf"][0]["properties"].get("$sealed").is_some(),
                "{} {}",
                field.event_type,
                field.path
            );
        }
    }
}
