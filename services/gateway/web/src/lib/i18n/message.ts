// SPDX-License-Identifier: Apache-2.0
// The part of the ICU message syntax that the catalogues use: {name}, {name, plural, =0 {…} one {…} other {…}}
// and # for the number inside. Whole libraries for it weigh more than all texts.

export type Values = Record<string, string | number>;
type Part = string | { name: string } | { number: true } | { plural: string; cases: Map<string, Part[]> };

/** Message is one text of a catalogue, read once and filled often. */
export class Message {
  private readonly parts: Part[];
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly locale: string,
  ) {
    this.parts = this.read(false);
    if (this.at < source.length) throw new SyntaxError(`unexpected } in: ${source}`);
  }

  format(values: Values = {}): string {
    return this.fill(this.parts, values, '');
  }

  private fill(parts: Part[], values: Values, number: string): string {
    return parts
      .map((part) => {
        if (typeof part === 'string') return part;
        if ('number' in part) return number;
        if ('name' in part) return String(values[part.name] ?? '');
        const count = Number(values[part.plural] ?? 0);
        const rule = new Intl.PluralRules(this.locale).select(count);
        const chosen = part.cases.get(`=${count}`) ?? part.cases.get(rule) ?? part.cases.get('other') ?? [];
        return this.fill(chosen, values, new Intl.NumberFormat(this.locale).format(count));
      })
      .join('');
  }

  // Reads up to the end, or to the brace that closes a case.
  private read(inPlural: boolean): Part[] {
    const parts: Part[] = [];
    let text = '';
    const flush = () => {
      if (text !== '') parts.push(text);
      text = '';
    };
    for (; this.at < this.source.length && this.source[this.at] !== '}'; this.at++) {
      const char = this.source[this.at]!;
      if (char === '{') {
        flush();
        parts.push(this.argument());
      } else if (char === '#' && inPlural) {
        flush();
        parts.push({ number: true });
      } else text += char;
    }
    flush();
    return parts;
  }

  // Reads from one brace to the one that closes it, and stays on that.
  private argument(): Part {
    this.at++;
    const name = this.take(/[^,}]+/y).trim();
    if (this.source[this.at] === '}') return { name };
    if (this.take(/,[^,]*,/y).replace(/[,\s]/g, '') !== 'plural') throw new SyntaxError(`only plural is known: ${this.source}`);
    const cases = new Map<string, Part[]>();
    for (let label = this.take(/[^{}]*/y).trim(); this.source[this.at] === '{'; label = this.take(/[^{}]*/y).trim()) {
      this.at++;
      cases.set(label, this.read(true));
      this.take(/\}/y);
    }
    if (this.source[this.at] !== '}') throw new SyntaxError(`a } is missing in: ${this.source}`);
    if (!cases.has('other')) throw new SyntaxError(`a plural needs the case other: ${this.source}`);
    return { plural: name, cases };
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source)?.[0];
    if (found === undefined) throw new SyntaxError(`cannot be read: ${this.source}`);
    this.at += found.length;
    return found;
  }
}
