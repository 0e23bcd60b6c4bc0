//! `foresee schema` and the schema that the repository carries for editors.

use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

use crate::support::{Place, repository};

#[test]
fn the_committed_schema_is_fresh() {
    let output = Place::new().run(&["schema"]);
    assert!(output.status.success(), "{}", output.status);
    let committed = Data::read_from(&repository().join("docs/manifest.schema.json"), Some(DataFormat::Text)).raw();
    Assert::new()
        .action_env("SNAPSHOTS")
        .try_eq(
            Some(&"foresee schema"),
            Data::text(String::from_utf8(output.stdout).expect("JSON is UTF-8")),
            committed,
        )
        .unwrap_or_else(|error| panic!("{error}"));
}
