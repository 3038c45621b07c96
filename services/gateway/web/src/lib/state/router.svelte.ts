// SPDX-License-Identifier: Apache-2.0
// Where the user is. Each place has a path, so that back, reload and links work.
import { invitation } from '../storage/local';
import { NOTHING, readSought, writeSought, type Sought } from './sought';

export type ContactsTab = 'friends' | 'requests' | 'find';
export type Route =
  | { at: 'chats'; conversationId?: string }
  | { at: 'contacts'; tab: ContactsTab }
  | { at: 'search'; sought: Sought }
  | { at: 'settings' }
  | { at: 'administrator' }
  | { at: 'signIn' }
  | { at: 'signUp' }
  | { at: 'reset' };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reads a path and what stands behind its #; a path that is not known leads to the conversations. */
export function parse(path: string, hash = ''): Route {
  const [first, second] = path.split('/').filter(Boolean);
  if (first === 'c' && second && UUID.test(second)) return { at: 'chats', conversationId: second };
  if (first === 'contacts') return { at: 'contacts', tab: second === 'requests' || second === 'find' ? second : 'friends' };
  if (first === 'search') return { at: 'search', sought: readSought(hash) };
  if (first === 'settings') return { at: 'settings' };
  if (first === 'signin') return { at: 'signIn' };
  if (first === 'signup') return { at: 'signUp' };
  if (first === 'reset') return { at: 'reset' };
  if (first === 'administrator') return { at: 'administrator' };
  return { at: 'chats' };
}

/** The path of a place. */
export function href(route: Route): string {
  switch (route.at) {
    case 'chats':
      return route.conversationId ? `/c/${route.conversationId}` : '/';
    case 'contacts':
      return route.tab === 'friends' ? '/contacts' : `/contacts/${route.tab}`;
    case 'search':
      return `/search${writeSought(route.sought)}`;
    case 'settings':
      return '/settings';
    case 'administrator':
      return '/administrator';
    case 'signIn':
      return '/signin';
    case 'signUp':
      return '/signup';
    case 'reset':
      return '/reset';
  }
}

const INVITATION = /^#\/administrator\/([\w.~-]{1,256})$/;

class Router {
  route = $state.raw<Route>(typeof location === 'undefined' ? { at: 'chats' } : parse(location.pathname, location.hash));
  private depth = 0;

  constructor() {
    if (typeof window === 'undefined') return;
    this.takeInvitation();
    window.addEventListener('hashchange', () => this.takeInvitation());
    window.addEventListener('popstate', () => {
      this.depth = (history.state as { depth?: number } | null)?.depth ?? 0;
      this.route = parse(location.pathname, location.hash);
    });
  }

  go(route: Route, replace = false): void {
    const path = href(route);
    if (path !== location.pathname + location.hash) {
      if (!replace) this.depth++;
      history[replace ? 'replaceState' : 'pushState']({ depth: this.depth }, '', path);
    }
    this.route = route;
  }

  /** Opens the search, in one conversation if that is asked. */
  search(conversationId = ''): void {
    this.go({ at: 'search', sought: { ...NOTHING, in: conversationId } });
  }

  /** Goes to where somebody who has just signed in wants to be. */
  entered(): void {
    this.go(invitation.load() ? { at: 'administrator' } : { at: 'chats' }, true);
  }

  // A one-time link carries its token behind the #, so that no server log has it. It leaves the address at
  // once and waits in this tab until somebody has signed in.
  private takeInvitation(): void {
    const token = INVITATION.exec(location.hash)?.[1];
    if (!token) return;
    invitation.save(token);
    history.replaceState({ depth: this.depth }, '', href({ at: 'administrator' }));
    this.route = { at: 'administrator' };
  }

  /** Goes back inside the client, or to the given place when there is nothing to go back to. */
  back(otherwise: Route): void {
    if (this.depth > 0) history.back();
    else this.go(otherwise, true);
  }

  /** A handler for links: plain clicks stay in the page, all others are the browser's. */
  link = (event: MouseEvent): void => {
    const link = event.currentTarget;
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(parse(link.pathname, link.hash));
  };
}

export const router = new Router();
