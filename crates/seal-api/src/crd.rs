//! The definitions of our custom resources, as they are shipped in `crds/` and in the chart.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

use crate::sealed_secret::SealedSecret;

/// What every file begins with: nobody should edit it by hand.
const HEADER: &str =
    "# Printed by `seal-controller crd`. Edit the types in crates/seal-api instead.\n";

/// All definitions, by name.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![tidy(SealedSecret::crd())]
}

/// The name of the file that a definition is kept in: group and plural, as controller-gen names it.
pub fn file_name(definition: &CustomResourceDefinition) -> String {
    format!("{}_{}.yaml", definition.spec.group, definition.spec.names.plural)
}

/// One definition as YAML with a header. The same text each time.
///
/// # Errors
/// None with the definitions of this crate; of an object that has no form in YAML.
pub fn to_yaml(definition: &CustomResourceDefinition) -> Result<String, serde_yaml::Error> {
    Ok(format!("{HEADER}{}", serde_yaml::to_string(definition)?))
}

/// All definitions as one stream, for `kubectl apply -f -`.
///
/// # Errors
/// As [`to_yaml`].
pub fn all_as_yaml() -> Result<String, serde_yaml::Error> {
    let documents: Vec<String> = definitions().iter().map(to_yaml).collect::<Result<_, _>>()?;
    Ok(documents.join("---\n"))
}

/// Names the list kind, as the API server would, and leaves out empty lists: what is applied is then what is stored, and
/// GitOps tools see no difference.
fn tidy(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let names = &mut definition.spec.names;
    names.list_kind.get_or_insert_with(|| format!("{}List", names.kind));
    names.categories.take_if(|categories| categories.is_empty());
    names.short_names.take_if(|short_names| short_names.is_empty());
    for version in &mut definition.spec.versions {
        version.selectable_fields.take_if(|fields| fields.is_empty());
        if let Some(schema) =
            version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            // The name of the Rust type.
            schema.title = None;
        }
    }
    definition
}
