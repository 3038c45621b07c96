// SPDX-License-Identifier: Apache-2.0
import { failure } from './reasons';

/**
 * Runs work for each item, four at a time; one that fails does not stop the others. Answers false if one has to
 * be done again; what is not there any more has not.
 */
export async function each<T>(items: T[], work: (item: T) => Promise<void>): Promise<boolean> {
  const rest = [...items];
  let done = true;
  const lane = async () => {
    for (let next; (next = rest.shift()); ) {
      await work(next).catch((error: unknown) => {
        console.warn('sync of one conversation failed', error);
        done &&= failure(error).reason === 'NOT_FOUND';
      });
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return done;
}
