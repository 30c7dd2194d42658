// gradio's login says nothing of a refusal other than a wrong password: say why where there are too many logins.
{
  const send = window.fetch;
  window.fetch = async (...given) => {
    const answer = await send(...given);
    const refused = answer.status === 503 && new URL(answer.url).pathname.endsWith("/login");
    if (refused) window.alert((await answer.clone().json()).detail);
    return answer;
  };
}
