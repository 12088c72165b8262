// SPDX-License-Identifier: MIT
// read.mjs - prints every row of each Parquet file, as foreign.py wants it, with hyparquet
import { createHash } from 'node:crypto'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

for (const path of process.argv.slice(2)) {
  console.log(`file ${path}`)
  try {
    const file = await asyncBufferFromFile(path)
    const rows = await parquetReadObjects({ file, compressors, utf8: false })
    for (const row of rows) {
      const digest = createHash('sha256').update(row.data).digest('hex')
      const shape = Array.from(row.shape).join(',')
      console.log(`${digest} ${row.num_params} ${row.dtype} [${shape}] ${row.layer_name}`)
    }
  } catch (error) {
    console.log(`error ${error.message}`)
  }
}
