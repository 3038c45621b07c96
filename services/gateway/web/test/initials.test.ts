// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { initials } from '../src/lib/text/initials';

test.each([
  ['Alice Wren', 'AW'],
  ['  Ana  María del Mar ', 'AM'],
  ['bob', 'B'],
  ['李小波', '波'],
  ['欧阳 修', '修'],
  ['码头 harbour team', '码'],
  ['王小明（销售）', '王'],
  ['Anna 安娜', 'A安'],
  ['👩‍🚀 crew', '👩‍🚀C'],
  ['', '·'],
])('%s is %s', (name, letters) => {
  expect(initials(name)).toBe(letters);
});
