// Node's `openai` at the gateway's address for it.
import OpenAI from 'openai'

const client = ({ url, key }) =>
  new OpenAI({ baseURL: `${url}/openai/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 })

const TOOL = {
  name: 'weather',
  description: 'Of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

async function completion(sdk, request, stream) {
  if (!stream) return sdk.chat.completions.create(request)
  const events = sdk.chat.completions.stream({ ...request, stream_options: { include_usage: true } })
  return events.finalChatCompletion()
}

async function response(sdk, request, stream) {
  return stream ? sdk.responses.stream(request).finalResponse() : sdk.responses.create(request)
}

const chatResult = ({ choices: [{ message, finish_reason }], usage }) => ({
  text: message.content,
  finish: finish_reason,
  input: usage.prompt_tokens,
  output: usage.completion_tokens,
  cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
})

const responseResult = ({ output_text, status, usage }) => ({
  text: output_text,
  finish: status,
  input: usage.input_tokens,
  output: usage.output_tokens,
  cached: usage.input_tokens_details?.cached_tokens ?? 0,
})

export async function chat({ model, words, stream, ...at }) {
  const request = { model, messages: [{ role: 'user', content: words }] }
  return chatResult(await completion(client(at), request, stream))
}

export async function chatTools({ model, words, result, stream, ...at }) {
  const sdk = client(at)
  const messages = [{ role: 'user', content: words }]
  const tools = [{ type: 'function', function: TOOL }]
  const first = await completion(sdk, { model, messages, tools }, stream)
  const [{ message, finish_reason }] = first.choices
  const [call] = message.tool_calls
  messages.push(message, { role: 'tool', tool_call_id: call.id, content: result })
  const second = await completion(sdk, { model, messages, tools }, stream)
  const { name, arguments: given } = call.function
  return { name, given: JSON.parse(given), finish: finish_reason, text: chatResult(second).text }
}

export async function responses({ model, words, stream, ...at }) {
  return responseResult(await response(client(at), { model, input: words }, stream))
}

export async function responsesTools({ model, words, result, stream, ...at }) {
  const sdk = client(at)
  const input = [{ role: 'user', content: words }]
  const tools = [{ type: 'function', strict: false, ...TOOL }]
  const first = await response(sdk, { model, input, tools }, stream)
  const call = first.output.find(({ type }) => type === 'function_call')
  input.push(...first.output, { type: 'function_call_output', call_id: call.call_id, output: result })
  const second = await response(sdk, { model, input, tools }, stream)
  const { name, arguments: given } = call
  return { name, given: JSON.parse(given), finish: first.status, text: second.output_text }
}

export async function responsesThought({ model, words, stream, ...at }) {
  const sdk = client(at)
  const input = [{ role: 'user', content: words }]
  const asked = { model, store: false, reasoning: { effort: 'low', summary: 'auto' } }
  const include = ['reasoning.encrypted_content']
  const first = await response(sdk, { ...asked, include, input }, stream)
  input.push(...first.output, { role: 'user', content: 'go on' })
  await response(sdk, { ...asked, include, input }, stream)
  return first.output.find(({ type }) => type === 'reasoning').summary[0].text
}

export async function chatAborted({ model, words, ...at }) {
  const stop = new AbortController()
  const asked = { model, stream: true, messages: [{ role: 'user', content: words }] }
  const stream = await client(at).chat.completions.create(asked, { signal: stop.signal })
  const pieces = []
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta.content ?? '')
    stop.abort()
  }
  return { pieces: pieces.length, aborted: stop.signal.aborted }
}

export async function embeddings({ model, ...at }) {
  const { data } = await client(at).embeddings.create({ model, input: ['a', 'b'] })
  return data.map(({ embedding }) => embedding)
}
