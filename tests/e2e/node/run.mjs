// Runs cases one after the other: a line of JSON in ({"name", "arguments"}), a line of JSON out.
import readline from 'node:readline'
import * as anthropic from './anthropic_cases.mjs'
import * as openai from './openai_cases.mjs'

const cases = { ...openai, ...anthropic }

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { name, arguments: given } = JSON.parse(line)
  let answer
  try {
    answer = { value: await cases[name](given) }
  } catch (error) {
    const { status, code, type, message, name: plain } = error
    answer = { error: { class: error.constructor.name, name: plain, status, code, type, message } }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
