//! Inputs. Every secret in them holds [`crate::harness::SECRET`].

pub(crate) const SECRET: &str = "\
# the shop's database
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  labels: {app: shop}
type: Opaque
stringData:
  user: admin-hunter2
  # hunter2 is rotated in may
  password: \"hunter2: \\\"quoted\\\"\"   # inline, by hunter2
  empty: \"\"
data:
  token: aHVudGVyMg==
";

pub(crate) const CONFIG_MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  # not secret
  level: debug
";

pub(crate) const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports: [{port: 80}]
";

/// A second Secret, small.
pub(crate) const API: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: api
stringData:
  key: hunter2-api
";

pub(crate) const VALUES: &str = "\
# values of a chart, no manifest
image: {tag: 1.0}
db:
  password: hunter2
";

pub(crate) const JSON: &str = "{
  \"apiVersion\": \"v1\",
  \"kind\": \"Secret\",
  \"metadata\": {\"name\": \"json\"},
  \"stringData\": {
    \"password\": \"hunter2\",
    \"list\": \"[1, 2]\"
  }
}
";

/// Several documents.
pub(crate) fn stream(documents: &[&str]) -> String {
    documents.join("---\n")
}
