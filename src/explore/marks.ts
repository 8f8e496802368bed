/** What an exploration has come to: a scope that never gets to the point shows. */
import { factsAt } from "./catalog.js";
import { replicaOf } from "./life.js";
import { activeView } from "./rm-script.js";
import type { Space, World } from "./world.js";

/** Counts the world under each mark that it bears. */
export function mark(space: Space, world: World, marks: Record<string, number>): void {
  const { answers, seen, read } = world.ledger;
  const note = (name: string, isSeen: boolean): void => {
    if (isSeen) marks[name] = (marks[name] ?? 0) + 1;
  };
  note(
    "all requests answered",
    answers.every((answer) => answer !== ""),
  );
  note("a read has shown words", seen !== "");
  note("a read is open", read !== null);
  note("a read was answered", read === null && world.budget.reads < space.scope.reads);
  note("second view active", world.store.chain.length >= 2);
  note("third view active", world.store.chain.length >= 3);
  const members = activeView(world.store.content)?.members ?? [];
  const spares = world.hosts.slice(space.scope.members);
  note(
    "a spare is a member",
    members.some((member) => replicaOf(member.replica) > space.scope.members),
  );
  note(
    "a snapshot was installed",
    spares.some((host) => factsAt(space.catalog, host).baseIndex > 0),
  );
  note(
    "an RM was superseded",
    world.rms.some((rm) => rm.phase === "ended"),
  );
  note("all deaths died", world.budget.restarts + world.budget.wipes === 0 && space.scope.restarts + space.scope.wipes > 0);
}
