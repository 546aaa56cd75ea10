// age for JavaScript on the command line: `identity`, `recipient IDENTITY`, `encrypt RECIPIENT HEX`,
// `decrypt IDENTITY FILE`. Files are armoured texts.
import * as age from "age-encryption";

const [command, key, text] = process.argv.slice(2);
const hex = (bytes) => Buffer.from(bytes).toString("hex");

if (command === "identity") {
  console.log(await age.generateHybridIdentity());
} else if (command === "recipient") {
  console.log(await age.identityToRecipient(key));
} else if (command === "encrypt") {
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(key);
  console.log(age.armor.encode(await encrypter.encrypt(Buffer.from(text, "hex"))));
} else if (command === "decrypt") {
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(key);
  console.log(hex(await decrypter.decrypt(age.armor.decode(text))));
} else {
  throw new Error(`unknown command: ${command}`);
}
