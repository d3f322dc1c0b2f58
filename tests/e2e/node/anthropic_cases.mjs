// Node's `@anthropic-ai/sdk` at the gateway's address for it.
import Anthropic from '@anthropic-ai/sdk'

const client = ({ url, key }) =>
  new Anthropic({ baseURL: `${url}/anthropic`, apiKey: key, maxRetries: 0, timeout: 20_000 })

const TOOLS = [
  {
    name: 'weather',
    description: 'Of a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]

async function message(sdk, request, stream) {
  const asked = { max_tokens: 5000, ...request }
  return stream ? sdk.messages.stream(asked).finalMessage() : sdk.messages.create(asked)
}

const textOf = ({ content }) =>
  content
    .filter(({ type }) => type === 'text')
    .map(({ text }) => text)
    .join('')

export async function messages({ model, words, stream, ...at }) {
  const request = { model, messages: [{ role: 'user', content: words }] }
  const reply = await message(client(at), request, stream)
  const { input_tokens: fresh, output_tokens: output, cache_read_input_tokens: cached } = reply.usage
  return {
    text: textOf(reply),
    finish: reply.stop_reason,
    input: fresh + (cached ?? 0),
    output,
    cached: cached ?? 0,
  }
}

export async function messagesTools({ model, words, result, stream, ...at }) {
  const sdk = client(at)
  const turns = [{ role: 'user', content: words }]
  const first = await message(sdk, { model, messages: turns, tools: TOOLS }, stream)
  const { id, name, input } = first.content.find(({ type }) => type === 'tool_use')
  turns.push({ role: 'assistant', content: first.content })
  turns.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: result }] })
  const second = await message(sdk, { model, messages: turns, tools: TOOLS }, stream)
  return { name, given: input, finish: first.stop_reason, text: textOf(second) }
}

export async function messagesThought({ model, words, stream, ...at }) {
  const sdk = client(at)
  const turns = [{ role: 'user', content: words }]
  const thinking = { type: 'enabled', budget_tokens: 2000 }
  const first = await message(sdk, { model, thinking, messages: turns }, stream)
  turns.push({ role: 'assistant', content: first.content }, { role: 'user', content: 'go on' })
  await message(sdk, { model, thinking, messages: turns }, stream)
  return first.content[0].thinking
}

export async function messagesAborted({ model, words, ...at }) {
  const asked = { model, max_tokens: 99, messages: [{ role: 'user', content: words }] }
  const stream = client(at).messages.stream(asked)
  const pieces = []
  stream.on('text', (piece) => {
    pieces.push(piece)
    stream.abort()
  })
  await stream.done().catch((error) => {
    if (!(error instanceof Anthropic.APIUserAbortError)) throw error
  })
  return { pieces: pieces.length, aborted: stream.aborted }
}
