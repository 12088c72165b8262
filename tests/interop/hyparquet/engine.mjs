// SPDX-License-Identifier: MIT
// engine.mjs NAME TASK MEMORY FILE... - what engine.py does, for engines of JavaScript
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { readParquet } from 'parquet-wasm'
import { tableFromIPC } from 'apache-arrow'

// As [types, rows]; `bare` leaves out `utf8: false`, and text is what `data` becomes
async function withHyparquet(path, task) {
  const file = await asyncBufferFromFile(path)
  const rows = await parquetReadObjects({ file, compressors, utf8: task === 'bare' })
  const types = [...new Set(rows.map((row) => row.data.constructor.name))].join(', ')
  const shapes = new Set(rows.map((row) => row.shape.constructor.name))
  return [types, [...shapes].join(', '), rows]
}

async function withParquetWasm(path) {
  const table = tableFromIPC(readParquet(readFileSync(path)).intoIPCStream())
  const type = (name) => String(table.schema.fields.find((field) => field.name === name).type)
  return [type('data'), type('shape'), table.toArray()]
}

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version

const [name, task, , ...paths] = process.argv.slice(2)
const read = { hyparquet: withHyparquet, 'parquet-wasm': withParquetWasm }[name]
for (const path of paths) {
  try {
    const [data, shape, found] = await read(path, task)
    const rows = found.map((row) => [
      row.layer_name, Array.from(row.shape), row.dtype, Number(row.num_params),
      createHash('sha256').update(row.data).digest('hex')])
    const peak = process.resourceUsage().maxRSS >> 10
    console.log(JSON.stringify({ version: versionOf(name), data, shape, rows, peak }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error).slice(0, 300) }))
  }
}
