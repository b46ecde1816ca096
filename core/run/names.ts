/**
 * Random run names: an adjective and an animal, such as `fluffy-chicken`.
 *
 * @module
 */

const ADJECTIVES = (
  "able agile amber ample brave brief bright brisk calm candid clever cosy crisp curious daring deep " +
  "eager early easy fair fancy fast fine fluffy fond free fresh gentle giddy glad golden grand happy " +
  "hardy honest humble jolly keen kind late lively loyal lucky merry mild misty modest neat nimble " +
  "noble patient plain polite proud quick quiet rapid ready rosy rustic shy silent silver sleek smart " +
  "snug soft solid spry steady still sunny swift tidy tiny warm wise witty young zesty"
).split(" ");

const ANIMALS = (
  "ant badger bat bear beaver bee bison boar camel cat chicken cicada cobra cod cougar crab crane " +
  "cricket crow deer dingo dolphin donkey dove duck eagle eel elk falcon ferret finch fox frog gecko " +
  "gibbon goat goose hare hawk hedgehog heron horse ibis iguana jackal jay koala lark lemur leopard " +
  "lion lizard llama lynx magpie marten mink mole moose moth mouse newt ocelot octopus otter owl ox " +
  "panda panther parrot pelican penguin pony puffin puma quail rabbit raccoon raven robin salmon seal " +
  "sheep shrew skunk sloth snail sparrow squid stork swan tapir tiger toad trout turtle viper vole " +
  "walrus weasel whale wolf wombat wren yak zebra"
).split(" ");

/** A random name; with `attempt` above 2 a number is added, so that a free one is found. */
export function createRunName(attempt = 0): string {
  const name = `${pick(ADJECTIVES)}-${pick(ANIMALS)}`;
  return attempt > 2 ? `${name}-${randomBelow(1000)}` : name;
}

function pick(words: readonly string[]): string {
  const word = words[randomBelow(words.length)];
  if (word === undefined) throw new TypeError("The list of words is empty");
  return word;
}

function randomBelow(limit: number): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % limit;
}
