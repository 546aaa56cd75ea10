//! Keys of another machine: age behind a key service, over a unix socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::remote::{KeyServices, RemoteUri};
use seal_keys::{Environment, KeyService, Limits, Providers, Settings};

use super::age::age_holder;
use super::cloud::{hasty, patient};
use super::suite::{Provider, Scene, Situation};
use crate::keyservice::Service;

pub(crate) struct Remote {
    recipient: String,
    service: Service,
    /// Those of other scenes.
    directory: tempfile::TempDir,
}

impl Provider<KeyServices> for Remote {
    fn start() -> Option<Self> {
        let (recipient, holder) = age_holder();
        let service = Service::start(holder);
        Some(Self { recipient, service, directory: tempfile::tempdir().unwrap() })
    }

    fn key(&self) -> MasterKey {
        MasterKey::Age { recipient: self.recipient.clone() }
    }

    fn holder(&self) -> KeyServices {
        client(self.service.uri())
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene<KeyServices>> {
        let scene = |service: KeyServices, says: &str, wrapping_fails| Scene {
            key: self.key(),
            service,
            enc: enc.to_owned(),
            secrets: vec!["AGE-SECRET-KEY".to_owned()],
            says: vec![says.to_owned()],
            requests: None,
            wrapping_fails,
        };
        let path = self.directory.path().join("socket");
        let uri = RemoteUri::Unix(path.clone());
        Some(match situation {
            Situation::WrongKey => {
                let (other, holder) = age_holder();
                let secret = SecretBytes::new(vec![7; 32]);
                let enc = holder.wrap(&MasterKey::Age { recipient: other }, &secret).unwrap().enc;
                Scene { enc, ..scene(self.holder(), "was made for somebody else", false) }
            }
            Situation::NoCredentials => {
                let nobody = Environment::of::<String, String>([]);
                let service = Service::start(Providers::new(Settings::of(nobody)));
                let scene = scene(client(service.uri()), "no identity fits", false);
                service.keep();
                scene
            }
            Situation::Denied => {
                self.service.refuse();
                scene(self.holder(), "refused by whoever runs the key service", true)
            }
            Situation::Unreachable => scene(client(uri), "unix:///", true),
            Situation::TimedOut => {
                let listener = UnixListener::bind(path).unwrap();
                thread::spawn(move || {
                    let mut connections = Vec::new();
                    listener.incoming().for_each(|connection| connections.push(connection));
                });
                scene(limited(uri, hasty()), "no result within 3 s", true)
            }
            Situation::Malformed => {
                let listener = UnixListener::bind(path).unwrap();
                thread::spawn(move || {
                    for mut connection in listener.incoming().flatten() {
                        let _ = connection.read(&mut [0; 1024]);
                        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello");
                        // Closed before the client has read it, it would be a service that stopped.
                        let _ = std::io::copy(&mut connection, &mut std::io::sink());
                    }
                });
                scene(client(uri), "decrypt at unix://", false)
            }
            // Retries, seals and contexts are the other machine's, which has passed this suite for them.
            _ => return None,
        })
    }
}

/// Without this machine's providers.
fn client(uri: RemoteUri) -> KeyServices {
    limited(uri, patient())
}

fn limited(uri: RemoteUri, limits: Limits) -> KeyServices {
    let mut settings = Settings::of(Environment::of::<String, String>([]));
    settings.limits = limits;
    KeyServices::new(settings, false, vec![uri])
}
