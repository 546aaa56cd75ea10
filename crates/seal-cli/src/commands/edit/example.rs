//! What a new file begins with.

use seal_core::format::Format;

/// A text that can be encrypted as it stands.
pub(super) fn of(format: Format) -> &'static [u8] {
    match format {
        Format::Yaml => {
            b"# Put your secrets in the place of this example; the file is encrypted when you leave the editor.\n\
              user: app\n\
              password: change-me\n\
              list:\n  - one\n  - two\n"
        }
        Format::Json => {
            b"{\n  \"user\": \"app\",\n  \"password\": \"change-me\",\n  \"list\": [\"one\", \"two\"]\n}\n"
        }
        Format::Dotenv => b"# Put your secrets in the place of this example.\nAPP_USER=app\nAPP_PASSWORD=change-me\n",
        Format::Ini => b"; Put your secrets in the place of this example.\n[app]\nuser = app\npassword = change-me\n",
        Format::Binary => b"Put your secret in the place of this text.\n",
    }
}
