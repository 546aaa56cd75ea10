//! A rendered release of any length: the same bytes for the same number of documents, on every machine.
//!
//! Of ten documents one is a Secret, four are Deployments, three ConfigMaps and two Services, as charts of a larger
//! installation look; ten of them take about 17 kB.

use std::fmt::Write;

/// A stream of that many documents, each behind a `---` and Helm's comment on its source.
pub(crate) fn release(documents: usize) -> String {
    let mut text = String::with_capacity(documents * 1800);
    for number in 0..documents {
        let (file, document) = document(number);
        write(
            &mut text,
            format_args!("---\n# Source: umbrella/charts/app-{number}/templates/{file}.yaml\n"),
        );
        text.push_str(&document);
    }
    text
}

/// One document of a release, and what it is.
pub(crate) fn document(number: usize) -> (&'static str, String) {
    let mut random = Random(number as u64);
    match number % 10 {
        3 => ("secret", secret(number)),
        1 | 4 | 7 | 9 => ("deployment", deployment(number, &mut random)),
        2 | 5 | 8 => ("configmap", config_map(number, &mut random)),
        _ => ("service", service(number)),
    }
}

/// One Secret with text, base64, a block scalar and comments: a file of its own, or a document of a stream.
pub(crate) fn secret(number: usize) -> String {
    let mut random = Random(number as u64 ^ 0x5ec7e7);
    let mut text = head("v1", "Secret", number);
    text.push_str("type: Opaque\ndata:\n");
    for key in ["token", "session-key", "client-secret"] {
        write(&mut text, format_args!("  {key}: {}\n", random.base64(40)));
    }
    text.push_str("stringData:\n  # rotated on the first of each month\n");
    write(&mut text, format_args!("  username: app-{number}\n"));
    write(&mut text, format_args!("  password: \"{}\"  # never reuse\n", random.letters(24)));
    write(&mut text, format_args!("  port: \"{}\"\n", 1024 + random.below(60000)));
    text.push_str("  config.ini: |\n    [database]\n");
    write(&mut text, format_args!("    dsn = postgres://app:{}@db/app\n", random.letters(16)));
    write(&mut text, format_args!("    pool = {}\n", random.below(100)));
    text
}

fn deployment(number: usize, random: &mut Random) -> String {
    let mut text = head("apps/v1", "Deployment", number);
    write(
        &mut text,
        format_args!(
            "spec:\n  replicas: {}\n  revisionHistoryLimit: 3\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: app-{number}\n",
            1 + random.below(9)
        ),
    );
    write(
        &mut text,
        format_args!(
            "  template:\n    metadata:\n      annotations:\n        checksum/config: {}\n      labels:\n        app.kubernetes.io/name: app-{number}\n",
            random.hex(64)
        ),
    );
    text.push_str("    spec:\n      securityContext: {runAsNonRoot: true, runAsUser: 65532}\n      containers:\n");
    for container in ["app", "proxy"] {
        write(
            &mut text,
            format_args!(
                "      - name: {container}\n        image: \"registry.example/{container}:1.{}.0@sha256:{}\"\n        args: [\"--listen\", \":8080\", '--log=info']\n        env:\n",
                random.below(40),
                random.hex(64)
            ),
        );
        for variable in 0..5 {
            write(
                &mut text,
                format_args!(
                    "        - name: OPTION_{variable}\n          value: {}\n",
                    random.letters(12)
                ),
            );
        }
        text.push_str("        ports:\n        - containerPort: 8080\n          name: http\n          protocol: TCP\n");
        text.push_str("        readinessProbe:\n          httpGet: {path: /healthz, port: http}\n          periodSeconds: 10\n");
        text.push_str("        resources:\n          limits:\n            memory: 256Mi\n          requests:\n            cpu: 100m\n            memory: 128Mi\n");
        text.push_str("        volumeMounts:\n        - name: config\n          mountPath: /etc/app\n          readOnly: true\n");
    }
    write(
        &mut text,
        format_args!(
            "      volumes:\n      - name: config\n        configMap:\n          name: app-{number}\n"
        ),
    );
    text
}

fn config_map(number: usize, random: &mut Random) -> String {
    let mut text = head("v1", "ConfigMap", number);
    text.push_str("data:\n  LOG_LEVEL: info\n  # where users find it\n");
    write(
        &mut text,
        format_args!("  PUBLIC_URL: https://app-{number}.example\n  app.properties: |\n"),
    );
    for line in 0..26 {
        write(&mut text, format_args!("    option.{line} = {}\n", random.letters(26)));
    }
    text
}

fn service(number: usize) -> String {
    let mut text = head("v1", "Service", number);
    write(
        &mut text,
        format_args!(
            "spec:\n  type: ClusterIP\n  selector:\n    app.kubernetes.io/name: app-{number}\n  ports:\n"
        ),
    );
    for (name, port) in [("http", 80), ("metrics", 9090)] {
        write(
            &mut text,
            format_args!(
                "    - name: {name}\n      port: {port}\n      targetPort: {name}\n      protocol: TCP\n"
            ),
        );
    }
    text
}

fn head(api_version: &str, kind: &str, number: usize) -> String {
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: app-{number}\n  namespace: team-{}\n  labels:\n    app.kubernetes.io/name: app-{number}\n    app.kubernetes.io/instance: umbrella\n    app.kubernetes.io/version: \"1.{}.0\"\n    app.kubernetes.io/managed-by: Helm\n    helm.sh/chart: app-{}.{}.2\n",
        number % 20,
        number % 40,
        number % 7,
        number % 11
    )
}

fn write(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a String cannot fail");
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count).map(|_| alphabet[self.below(alphabet.len() as u64) as usize] as char).collect()
    }

    /// Starts with a letter, so it never reads as a number.
    fn letters(&mut self, count: usize) -> String {
        format!("x{}", self.pick(b"abcdefghijklmnopqrstuvwxyz0123456789-", count - 1))
    }

    fn hex(&mut self, count: usize) -> String {
        self.pick(b"0123456789abcdef", count)
    }

    /// `count` is a multiple of four.
    fn base64(&mut self, count: usize) -> String {
        let text =
            self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", count - 3);
        format!("{text}Q==")
    }
}
