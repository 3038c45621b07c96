// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import type { Known } from '../protocol/presence';

/** Faces knows whose faces are on the screen, and how these people are. */
export class Faces {
  /** How visible people are; who is not in it is not known. */
  readonly known = new SvelteMap<string, Known>();
  private readonly visible = new Map<string, number>();
  /** What to do when an element comes into view or leaves it. */
  private readonly seen = new Map<Element, (now: boolean) => void>();
  private observer: IntersectionObserver | undefined;

  constructor(private readonly watch: (userIds: Iterable<string>) => void) {}

  /** An attachment: while the element is on the screen, its person is watched. */
  of(userId: string): (element: Element) => () => void {
    return (element) => {
      this.observer ??= new IntersectionObserver((entries) => this.moved(entries));
      this.observer.observe(element);
      let shown = false;
      this.seen.set(element, (now) => {
        if (now !== shown) this.count(userId, now ? 1 : -1);
        shown = now;
      });
      return () => {
        this.observer?.unobserve(element);
        this.seen.get(element)?.(false);
        this.seen.delete(element);
        this.changed();
      };
    };
  }

  /** Takes how a person is. */
  set(userId: string, known: Known | undefined): void {
    if (known) this.known.set(userId, known);
    else this.known.delete(userId);
  }

  /** Asks again for who is visible, as after signing in. */
  changed(): void {
    this.watch(this.visible.keys());
  }

  private moved(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) this.seen.get(target)?.(isIntersecting);
    this.changed();
  }

  private count(userId: string, step: number): void {
    const next = (this.visible.get(userId) ?? 0) + step;
    if (next > 0) this.visible.set(userId, next);
    else this.visible.delete(userId);
  }
}
