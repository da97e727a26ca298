// Lines of JSON in, {policy, action, resource, context, of_resource (the policy that the
// resource has, or null)}; a line each out: {allowed} or {error}.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const ACCOUNT = process.argv[2]

for await (const line of createInterface({ input: process.stdin })) {
  const { policy, action, resource, context, of_resource } = JSON.parse(line)
  const judged = await runSimulation(
    {
      identityPolicies: [{ name: 'role', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: of_resource ?? undefined,
      request: {
        action,
        principal: `arn:aws:iam::${ACCOUNT}:role/a-function`,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: context
      }
    },
    {}
  )
  const said =
    judged.resultType === 'error'
      ? { error: judged.errors }
      : { allowed: judged.overallResult === 'Allowed' }
  console.log(JSON.stringify(said))
}
