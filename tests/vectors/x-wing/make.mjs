// Prints vectors.json: X-Wing by @noble/post-quantum (npm, 0.5.4), from the seeds of draft-connolly-cfrg-xwing-kem,
// whose `spec/test-vectors.json` has the same results. The seeds are SHAKE128 of nothing: 32 bytes for the private key,
// 64 for the encapsulation, and so on.
import { XWing } from "@noble/post-quantum/hybrid.js";
import { shake128 } from "@noble/hashes/sha3.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const stream = shake128(new Uint8Array(0), { dkLen: 3 * 96 });
const vectors = [0, 1, 2].map((index) => {
  const seed = stream.slice(96 * index, 96 * index + 32);
  const eseed = stream.slice(96 * index + 32, 96 * index + 96);
  // The library wipes what it is given.
  const { publicKey } = XWing.keygen(seed.slice());
  const { cipherText, sharedSecret } = XWing.encapsulate(publicKey, eseed.slice());
  return { seed: hex(seed), eseed: hex(eseed), pk: hex(publicKey), ct: hex(cipherText), ss: hex(sharedSecret) };
});
console.log(JSON.stringify(vectors, null, 1));
