/**
 * The passwords of one run's services. They live in memory, and in files that only their readers
 * may read.
 *
 * @module
 */

import type { ServicePlan } from "../plan.ts";

/** By service. */
export type Passwords = ReadonlyMap<string, string>;

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LENGTH = 32;
/** The largest multiple of the number of letters in a byte: what is above would favour some. */
const FAIR = 256 - 256 % LETTERS.length;

/** 32 characters of a-zA-Z0-9 from a secure source. */
export function createPassword(): string {
  let password = "";
  while (password.length < LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH))) {
      if (byte < FAIR && password.length < LENGTH) password += LETTERS[byte % LETTERS.length];
    }
  }
  return password;
}

/** One for each service. */
export function createPasswords(services: readonly Pick<ServicePlan, "name">[]): Passwords {
  return new Map(services.map(({ name }) => [name, createPassword()]));
}

/** Fills the password in. @throws TypeError where there is none, which is a bug */
export function fillPassword(text: string, password: string | undefined): string {
  if (!text.includes("{password}")) return text;
  if (password === undefined) throw new TypeError("Nothing fills in {password}");
  return text.replaceAll("{password}", () => password);
}
