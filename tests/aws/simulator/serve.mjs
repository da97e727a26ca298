// DynamoDB and Kinesis on one address of loopback, played by dynalite and kinesalite, whose
// validators are their own; and DynamoDB's transactions, made of dynalite's validators and its
// conditions. Prints its port. One request after the other, so that transactions are isolated.
//
// Reference: Amazon DynamoDB API reference, TransactWriteItems: 100 actions at most, of 4 MB in
// all, no item twice; all or none; a reason for each action that was refused; a token makes who
// repeats a call within ten minutes do it once.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const db = require('dynalite/db')
const validations = require('dynalite/validations')

const MOST_ACTIONS = 100
const MOST_BYTES = 4 * 1024 * 1024
const TOKEN_MS = 10 * 60 * 1000

let store
const create = db.create
db.create = (options) => (store = create(options))
const dynamo = require('dynalite')({ createTableMs: 0, deleteTableMs: 0 })
const kinesis = require('kinesalite')({ createStreamMs: 0, shardLimit: 1000 })

const KINDS = Object.fromEntries(
  Object.entries({ Put: 'putItem', Update: 'updateItem', Delete: 'deleteItem', ConditionCheck: 'deleteItem' })
    .map(([kind, name]) => [
      kind,
      { run: require(`dynalite/actions/${name}`), rules: require(`dynalite/validations/${name}`) }
    ])
)
const tokens = new Map()

const called = (run, ...given) =>
  new Promise((done, fail) => run(...given, (error, found) => (error ? fail(error) : done(found))))

function refusal(type, message, more = {}) {
  const body = { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message, ...more }
  return Object.assign(new Error(message), { statusCode: 400, body })
}

// An action as dynalite understands it, with the item that it is about as it lies there.
async function prepared(action) {
  const [[kind, body], ...others] = Object.entries(action)
  if (others.length || !(kind in KINDS)) throw db.validationError('one kind of action each')
  if (kind === 'ConditionCheck' && !body.ConditionExpression)
    throw db.validationError('The ConditionExpression is required')
  const { run, rules } = KINDS[kind]
  const data = validations.checkTypes(structuredClone(body), rules.types)
  validations.checkValidations(data, rules.types, rules.custom, store)
  const table = await called(store.getTable, data.TableName)
  const item = data.Item ?? data.Key
  const invalid = data.Item ? db.validateItem(item, table) : db.validateKey(item, table)
  if (invalid) throw invalid
  const names = table.KeySchema.map((one) => one.AttributeName)
  const key = Object.fromEntries(names.map((name) => [name, item[name]]))
  const at = db.createKey(key, table)
  const before = await called(store.getItemDb(data.TableName).get, at).catch((error) => {
    if (error.name !== 'NotFoundError') throw error
  })
  const size = db.itemSize(data.Item ?? before ?? data.Key)
  return { kind, run, data, key, at: `${data.TableName}/${at}`, before, size }
}

async function written({ TransactItems: asked, ClientRequestToken: token }) {
  if (!asked?.length || asked.length > MOST_ACTIONS)
    throw db.validationError(`Member must have length less than or equal to ${MOST_ACTIONS}`)
  const digest = createHash('sha256').update(JSON.stringify(asked)).digest('hex')
  const known = tokens.get(token)
  if (known && known.until > Date.now()) {
    if (known.digest !== digest) throw refusal('IdempotentParameterMismatchException', 'another call')
    return {}
  }
  const actions = []
  for (const one of asked) actions.push(await prepared(one))
  if (new Set(actions.map((one) => one.at)).size < actions.length)
    throw db.validationError('Transaction request cannot include multiple operations on one item')
  if (actions.reduce((sum, one) => sum + one.size, 0) > MOST_BYTES)
    throw db.validationError('Transaction request is larger than 4 MB')
  const reasons = actions.map(({ data, before }) =>
    db.checkConditional(data, before)
      ? { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' }
      : { Code: 'None' }
  )
  if (reasons.some((one) => one.Code !== 'None')) throw cancelled(reasons)
  await all(actions)
  if (token) tokens.set(token, { digest, until: Date.now() + TOKEN_MS })
  return {}
}

// Do them; where one cannot be done, none: what was there is put back.
async function all(actions) {
  const done = []
  for (const one of actions) {
    if (one.kind === 'ConditionCheck') continue
    try {
      await called(one.run, store, one.data)
      done.push(one)
    } catch (error) {
      for (const { data, key, before } of done.reverse())
        await (before
          ? called(KINDS.Put.run, store, { TableName: data.TableName, Item: before })
          : called(KINDS.Delete.run, store, { TableName: data.TableName, Key: key }))
      if (!error.statusCode) throw error
      const Message = error.body.message
      throw cancelled(actions.map((a) => (a === one ? { Code: 'ValidationError', Message } : { Code: 'None' })))
    }
  }
}

function cancelled(reasons) {
  const said = 'Transaction cancelled, please refer cancellation reasons for specific reasons ['
  const codes = reasons.map((one) => one.Code).join(', ')
  return refusal('TransactionCanceledException', `${said}${codes}]`, { CancellationReasons: reasons })
}

async function transact(request, response) {
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
    response.end(JSON.stringify(body))
  }
  try {
    answer(200, await written(JSON.parse(text)))
  } catch (error) {
    if (!error.statusCode) throw error
    answer(error.statusCode, error.body)
  }
}

let before = Promise.resolve()
const server = createServer((request, response) => {
  const ended = new Promise((done) => response.on('close', done))
  before = before.then(() => {
    const [service, operation] = (request.headers['x-amz-target'] ?? '').split('.')
    if (operation === 'TransactWriteItems') transact(request, response)
    else (service.startsWith('Kinesis') ? kinesis : dynamo).emit('request', request, response)
    return ended
  })
})
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit()) // who started it is gone
