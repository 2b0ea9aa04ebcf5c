// token.js - has the program of a token sign what the server prepared.
const ask = async (url, body) => {
  const told = await fetch(url, { method: 'POST', body }).then(answer => answer.json()).catch(() => ({ error: url[0] === '/' ? 'server' : 'agent' }));
  if (told.error) throw told.error;
  return told;
};

addEventListener('submit', async e => {
  const form = e.target, says = form.querySelector('output'), { token, words, offer, next } = form.dataset;
  if (!token || e.submitter.formNoValidate) return;
  e.preventDefault(); form.inert = true;
  const known = JSON.parse(words), steps = offer ? [form] : [...form.querySelectorAll('[data-offer]')];
  try {
    for (const [done, { dataset }] of steps.entries()) {
      says.textContent = known.at_work.replace('{count}', steps.length - done);
      const data = new FormData(form), values = [], add = to => values.map(value => to.append('value', value));
      for (const one of await ask(dataset.offer, data)) values.push(one.prepared + ':' + (await ask(token, JSON.stringify(one))).value);
      if (offer) { form.addEventListener('formdata', e => add(e.formData)); return form.submit() }
      add(data); await ask(dataset.value, data);
    }
    location = next;
  } catch (code) { says.textContent = known[code] ?? code; form.inert = false }
});
