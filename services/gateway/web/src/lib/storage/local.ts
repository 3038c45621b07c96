// SPDX-License-Identifier: Apache-2.0
// The few values that all tabs share and that must be there before anything is loaded.
import { uuid4 } from '../protocol/uuid';

/** Who is signed in on this device. */
export interface Login {
  userId: string;
  token: string;
  loginSessionId: string;
}

const LOGIN = 'parley.login';
const DEVICE = 'parley.device';

/** Reads a stored value; undefined if there is none or the browser refuses. */
export function read<T>(key: string): T | undefined {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** Stores a value; undefined removes it. */
export function write(key: string, value: unknown): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows may refuse: then the value lives as long as the page.
  }
}

export const login = {
  load: () => read<Login>(LOGIN),
  save: (value: Login | undefined) => write(LOGIN, value),
};

/** The id of this installed client, made once. */
export function deviceId(): string {
  const known = read<string>(DEVICE);
  if (known) return known;
  const made = uuid4();
  write(DEVICE, made);
  return made;
}

const INVITATION = 'parley.administrator';
let invited: string | undefined;

/** The one-time link of the first administrator, kept by this tab while somebody signs in. */
export const invitation = {
  load(): string | undefined {
    try {
      return sessionStorage.getItem(INVITATION) ?? undefined;
    } catch {
      return invited;
    }
  },
  save(token: string | undefined): void {
    invited = token;
    try {
      if (token) sessionStorage.setItem(INVITATION, token);
      else sessionStorage.removeItem(INVITATION);
    } catch {
      // Private windows may refuse: then the page itself remembers.
    }
  },
};
